package io.mmpo.files;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A directory that appears under its name only when it is complete, whenever the process is killed or the power fails:
 * <pre>{@code
 * try (AtomicDirectory directory = AtomicDirectory.create(output.resolve("checkpoint-20"))) {
 *   PretrainedWriter.write(directory.path(), source, weights);
 *   directory.commit();
 * }
 * }</pre>
 * It is built beside its target as {@code .checkpoint-20.incomplete-<id>}; committing writes every byte to disk, then
 * {@code manifest.json} with sizes and hashes, and renames. Checkpoints and final models are made so, and
 * {@link #removeLeftovers} tidies up after an interrupted one. One process at a time writes into a parent directory.
 */
public final class AtomicDirectory implements AutoCloseable {
    /** The file that a complete directory has, with every other one's size and hash. */
    public static final String MANIFEST = Manifest.FILE;

    private final Path target;
    private final Path temporary;
    private final Path replaced;
    private boolean committed;

    private AtomicDirectory(Path target) {
        this.target = target;
        this.temporary = TemporaryName.beside(target, TemporaryName.INCOMPLETE);
        this.replaced = TemporaryName.beside(target, TemporaryName.REPLACED);
    }

    /** The target may exist; it stays as it is until the commit replaces it. */
    public static AtomicDirectory create(Path target) {
        AtomicDirectory directory = new AtomicDirectory(target.toAbsolutePath().normalize());
        try {
            Unfinished.begin(directory.temporary);
            Files.createDirectories(directory.temporary);
        } catch (IOException e) {
            throw failed(directory.target, e);
        }
        return directory;
    }

    /** Where to write the files. */
    public Path path() {
        return temporary;
    }

    public void commit() {
        try {
            Manifest.write(temporary);
            for (Path path : tree(temporary)) {
                sync(path);
            }
            Unfinished.finish(temporary, () -> {
                if (Files.exists(target)) {
                    move(target, replaced);
                }
                move(temporary, target);
            });
            committed = true;
            sync(Objects.requireNonNull(target.getParent()));
            delete(replaced);
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    /** Removes what was not committed, and puts back what it was about to replace. */
    @Override
    public void close() {
        if (!committed) {
            try {
                delete(temporary);
                Unfinished.end(temporary);
                if (Files.exists(replaced)) {
                    move(replaced, target);
                }
            } catch (IOException e) {
                throw failed(target, e);
            }
        }
    }

    /** Whether the directory is there, complete, and every file has the size and hash of its manifest. */
    public static boolean isValid(Path directory) {
        return problem(directory).isEmpty();
    }

    /** Why it is not valid, or has not all the files that are needed; empty if it is and has. */
    public static Optional<String> problem(Path directory, String... needed) {
        return Manifest.problem(directory, List.of(needed));
    }

    /** Removes a directory, which is at no moment half there: it is renamed to something that {@link #removeLeftovers} removes. */
    public static void remove(Path directory) {
        Path target = directory.toAbsolutePath().normalize();
        try {
            Path doomed = TemporaryName.beside(target, TemporaryName.INCOMPLETE);
            move(target, doomed);
            delete(doomed);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT, e, "%s cannot be removed: %s.", directory, IoProblem.of(e));
        }
    }

    /** What an interrupted process left in this directory: begun ones go; a replaced one comes back if its successor is missing. */
    public static void removeLeftovers(Path parent) {
        try {
            for (Path path : children(parent)) {
                String name = path.getFileName().toString();
                if (name.startsWith(".") && name.contains(TemporaryName.REPLACED)) {
                    Path target = parent.resolve(name.substring(1, name.indexOf(TemporaryName.REPLACED)));
                    if (Files.exists(target)) {
                        delete(path);
                    } else {
                        move(path, target);
                    }
                } else if (name.startsWith(".") && name.contains(TemporaryName.INCOMPLETE)) {
                    delete(path);
                }
            }
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "What an interrupted save left in %s cannot be removed: %s.",
                    parent,
                    IoProblem.of(e));
        }
    }

    private static void move(Path source, Path target) throws IOException {
        try {
            Files.move(source, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IOException("the file system cannot rename " + source + " at once", e);
        }
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void delete(Path root) throws IOException {
        if (Files.exists(root)) {
            for (Path path : tree(root)) {
                Files.delete(path);
            }
        }
    }

    /** Everything below and the directory itself, children before their parents. */
    private static List<Path> tree(Path root) throws IOException {
        try (Stream<Path> paths = Files.walk(root)) {
            return paths.sorted(Comparator.reverseOrder()).toList();
        }
    }

    private static List<Path> children(Path parent) throws IOException {
        if (!Files.isDirectory(parent)) {
            return List.of();
        }
        try (Stream<Path> paths = Files.list(parent)) {
            return paths.toList();
        }
    }

    private static MmpoException failed(Path target, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "%s cannot be written: %s. Make room, or choose another output_dir; what was there before is unchanged.",
                target,
                IoProblem.of(e));
    }
}
