package io.mmpo.quickstart;

import io.mmpo.MmpoException;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.IoProblem;
import io.mmpo.files.OwnerLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Where a quickstart leaves its files. A marker makes a directory its own: the next quickstart there replaces the files of the
 * one before and leaves anything else alone; a directory with files and no marker is refused.
 */
final class WorkDirectory implements AutoCloseable {
    private static final String MARKER = ".mmpo-quickstart";

    private final Path root;
    private final OwnerLock lock;

    private WorkDirectory(Path root, OwnerLock lock) {
        this.root = root;
        this.lock = lock;
    }

    /** This process's alone until it is closed. messages: hears where that cannot be seen to. */
    static WorkDirectory open(Path path, Consumer<String> messages) {
        if (Files.exists(path) && !Files.isDirectory(path)) {
            throw MmpoException.configuration("--output %s is a file; give a new or empty directory", path);
        }
        WorkDirectory directory = new WorkDirectory(
                path.toAbsolutePath().normalize(), OwnerLock.ofDirectory(path, "--output " + path, messages));
        try {
            directory.prepare(path);
            return directory;
        } catch (RuntimeException | Error e) {
            directory.close();
            throw e;
        }
    }

    private void prepare(Path path) {
        try {
            requireUsable(path);
            AtomicFile.write(root.resolve(MARKER), "Files of mmpo quickstart; the next one here replaces them.\n");
            for (Path own : ownFiles()) {
                delete(own);
            }
            for (Path own : List.of(model(), sftData(), pairData())) {
                Files.createDirectories(own);
            }
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "The directory %s cannot be prepared: %s. Choose one that can be written, with --output.",
                    path,
                    IoProblem.of(e));
        }
    }

    private void requireUsable(Path path) throws IOException {
        try (Stream<Path> entries = Files.list(root)) {
            boolean isEmpty = entries.allMatch(entry -> entry.endsWith(OwnerLock.FILE));
            if (!Files.exists(root.resolve(MARKER)) && !isEmpty) {
                throw MmpoException.configuration(
                        "--output %s is not empty and was not made by mmpo quickstart, which replaces what it finds; give a new or empty"
                                + " directory",
                        path);
            }
        }
    }

    Path root() {
        return root;
    }

    /** The model with random weights. */
    Path model() {
        return root.resolve("model");
    }

    Path sftData() {
        return data().resolve("sft");
    }

    Path pairData() {
        return data().resolve("pairs");
    }

    /** The held-out pairs that the models are compared on. */
    Path testPairs() {
        return pairData().resolve("test.jsonl");
    }

    Path config(Stage stage) {
        return root.resolve(stage.loss() + ".yaml");
    }

    /** The run directory. */
    Path run(Stage stage) {
        return root.resolve(stage.loss());
    }

    Path trained(Stage stage) {
        return run(stage).resolve("final");
    }

    /** Every held-out question with the answers and their points. */
    Path answers() {
        return root.resolve("answers.jsonl");
    }

    /** The table's numbers. */
    Path results() {
        return root.resolve("results.json");
    }

    private Path data() {
        return root.resolve("data");
    }

    private List<Path> ownFiles() {
        Stream<Path> ofStages = Stream.of(Stage.values()).flatMap(stage -> Stream.of(config(stage), run(stage)));
        return Stream.concat(Stream.of(data(), model(), answers(), results()), ofStages)
                .toList();
    }

    @Override
    public void close() {
        lock.close();
    }

    private static void delete(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        try (Stream<Path> tree = Files.walk(path)) {
            for (Path file : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
