package io.mmpo.hub;

import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * One repository in huggingface_hub's cache: {@code refs/<revision>} holds a commit, {@code snapshots/<commit>/<file>} links to
 * {@code blobs/<etag>}. Other programs use the same files.
 */
final class HubCache {
    static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    private static final int MAX_DEPTH = 16;

    private final Path root;
    private final Path repository;

    HubCache(Path root, HubRepository repository) {
        this.root = root;
        this.repository = root.resolve(repository.cacheName());
    }

    /** The commit of a revision, as it was when it was last asked for. */
    Optional<String> commit(String revision) {
        if (COMMIT.matcher(revision).matches()) {
            return Optional.of(revision);
        }
        Path file = repository.resolve("refs").resolve(revision);
        try {
            return Files.isRegularFile(file)
                    ? Optional.of(Files.readString(file).strip())
                            .filter(text -> COMMIT.matcher(text).matches())
                    : Optional.empty();
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    void setCommit(String revision, String commit) {
        if (COMMIT.matcher(revision).matches() || commit(revision).equals(Optional.of(commit))) {
            return;
        }
        Path file = repository.resolve("refs").resolve(revision);
        Path temporary = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID());
        try {
            Files.createDirectories(temporary.getParent());
            Files.writeString(temporary, commit);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    Path snapshot(String commit) {
        return repository.resolve("snapshots").resolve(commit);
    }

    /** The files of a snapshot that are here, as relative paths. */
    List<String> files(String commit) {
        Path snapshot = snapshot(commit);
        if (!Files.isDirectory(snapshot)) {
            return List.of();
        }
        try (Stream<Path> paths = Files.walk(snapshot, MAX_DEPTH)) {
            return paths.filter(Files::isRegularFile)
                    .map(path -> snapshot.relativize(path).toString())
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw failed(snapshot, e);
        }
    }

    /** Where a file of a snapshot stands; a name from outside must not lead out of it. */
    Path file(String commit, String name) {
        Path snapshot = snapshot(commit);
        Path file = snapshot.resolve(name).normalize();
        if (name.isBlank() || name.contains("\\") || !file.startsWith(snapshot) || file.equals(snapshot)) {
            throw MmpoException.data(
                    "The hub lists a file named '%s' for %s, which would lie outside its directory; nothing of it was fetched.",
                    name.length() > 80 ? name.substring(0, 80) + "…" : name, repository.getFileName());
        }
        return file;
    }

    Path blob(String etag) {
        return repository.resolve("blobs").resolve(etag);
    }

    Path lock(String etag) {
        return root.resolve(".locks")
                .resolve(repository.getFileName().toString())
                .resolve(etag + ".lock");
    }

    void link(String commit, String name, String etag) {
        Path file = file(commit, name);
        Path blob = blob(etag);
        Path directory = Objects.requireNonNull(file.getParent());
        try {
            Files.createDirectories(directory);
            try {
                Files.createSymbolicLink(file, directory.relativize(blob));
            } catch (FileAlreadyExistsException e) {
                // another process was here, or a broken link
                Path temporary = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID());
                Files.createSymbolicLink(temporary, directory.relativize(blob));
                Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
            } catch (UnsupportedOperationException e) {
                Files.move(blob, file, StandardCopyOption.ATOMIC_MOVE);
            }
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    static MmpoException failed(Path path, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "The cache of the hub cannot be used at %s: %s. Make room, correct its permissions, or name another with HF_HUB_CACHE.",
                path,
                IoProblem.of(e));
    }
}
