package io.mmpo.run;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.config.TrainingConfig;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.IoProblem;
import io.mmpo.files.JsonFile;
import io.mmpo.files.OwnerLock;
import java.io.IOException;
import java.nio.file.AccessMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** What lies in output_dir: config.yaml, metrics.jsonl, checkpoint-&lt;step&gt; and final. */
public final class RunDirectory {
    /** The resolved configuration, here and in every checkpoint. */
    public static final String CONFIG = "config.yaml";

    public static final String METRICS = "metrics.jsonl";

    private final Path path;

    public RunDirectory(Path path) {
        this.path = path;
    }

    /** Refuses a directory that holds another run, whose files would be mixed with the new ones. */
    public static void requireUnused(Path path) {
        RunDirectory directory = new RunDirectory(path);
        Optional<Path> earlier = Stream.of(directory.metrics(), directory.finalModel())
                .filter(Files::exists)
                .findFirst()
                .or(() -> directory.checkpoints().stream().findFirst());
        if (earlier.isPresent()) {
            throw MmpoException.configuration(
                    "output_dir %s already holds a run (%s); choose another output_dir, remove that run first, or"
                            + " go on with it: resume_from_checkpoint: true",
                    path, earlier.get().getFileName());
        }
    }

    /** Before anything is computed: the directory, or the nearest one above it that exists, can be written. */
    public static void requireWritable(Path path) {
        Path existing = path.toAbsolutePath();
        while (!Files.exists(existing) && existing.getParent() != null) {
            existing = existing.getParent();
        }
        if (!Files.isDirectory(existing)) {
            throw MmpoException.environment(
                    "output_dir %s cannot be written: %s is no directory. Choose another.", path, existing);
        }
        try {
            existing.getFileSystem().provider().checkAccess(existing, AccessMode.WRITE, AccessMode.EXECUTE);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "output_dir %s cannot be written: %s. Choose another, or change its permissions.",
                    path,
                    IoProblem.of(e));
        }
    }

    /** For a run: a second one in the same directory is refused until the lock is closed. */
    public static OwnerLock lock(Path path, Consumer<String> messages) {
        return OwnerLock.ofDirectory(path, "output_dir " + path, messages);
    }

    public static RunDirectory create(Path path) {
        try {
            Files.createDirectories(path);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "output_dir %s could not be made: %s. Choose a directory that can be written.",
                    path,
                    IoProblem.of(e));
        }
        requireWritable(path);
        return new RunDirectory(path);
    }

    public Path path() {
        return path;
    }

    public Path config() {
        return path.resolve(CONFIG);
    }

    public Path metrics() {
        return path.resolve(METRICS);
    }

    public void writeConfig(TrainingConfig config) {
        AtomicFile.write(config(), config.toYaml());
    }

    public Path finalModel() {
        return path.resolve(CheckpointName.FINAL);
    }

    public Path checkpoint(int step) {
        return path.resolve(CheckpointName.of(step));
    }

    /** From the oldest to the newest. */
    public List<Path> checkpoints() {
        if (!Files.isDirectory(path)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(path)) {
            return entries.filter(entry -> stepOf(entry).isPresent())
                    .sorted(Comparator.comparingInt(entry -> stepOf(entry).getAsInt()))
                    .toList();
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT, e, "output_dir %s could not be read: %s", path, IoProblem.of(e));
        }
    }

    /** What the newest checkpoint says of the run, as JSON, whichever program wrote it; empty where it says nothing. */
    public Optional<JsonNode> newestState() {
        List<Path> checkpoints = checkpoints();
        return checkpoints.isEmpty()
                ? Optional.empty()
                : Optional.of(checkpoints.getLast().resolve(TrainerState.FILE))
                        .filter(Files::isRegularFile)
                        .map(JsonFile::read);
    }

    /** Removes the oldest checkpoints beyond the limit, but for the newest and the best. */
    public void keep(int limit, Optional<Path> best) {
        List<Path> checkpoints = checkpoints();
        if (checkpoints.size() <= limit) {
            return;
        }
        Set<Path> kept = new HashSet<>(List.of(checkpoints.getLast()));
        best.ifPresent(kept::add);
        checkpoints.stream()
                .filter(checkpoint -> !kept.contains(checkpoint))
                .limit(Math.max(0, checkpoints.size() - Math.max(limit, kept.size())))
                .toList()
                .forEach(AtomicDirectory::remove);
    }

    /** Removes all checkpoints but this one. */
    public void keepOnly(Path best) {
        checkpoints().stream().filter(checkpoint -> !checkpoint.equals(best)).forEach(AtomicDirectory::remove);
    }

    private static OptionalInt stepOf(Path entry) {
        return Files.isDirectory(entry) ? CheckpointName.stepOf(entry) : OptionalInt.empty();
    }
}
