package io.mmpo.quickstart;

import io.mmpo.MmpoException;
import io.mmpo.files.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where a quickstart leaves its files. A marker makes a directory its own: the next quickstart there replaces the files of the
 * one before and leaves anything else alone; a directory with files and no marker is refused.
 */
final class WorkDirectory {
    private static final String MARKER = ".mmpo-quickstart";

    private final Path root;

    private WorkDirectory(Path root) {
        this.root = root;
    }

    static WorkDirectory open(Path path) {
        WorkDirectory directory = new WorkDirectory(path.toAbsolutePath().normalize());
        try {
            directory.requireUsable(path);
            Files.createDirectories(directory.root);
            AtomicFile.write(
                    directory.root.resolve(MARKER), "Files of mmpo quickstart; the next one here replaces them.\n");
            for (Path own : directory.ownFiles()) {
                delete(own);
            }
            for (Path own : List.of(directory.model(), directory.sftData(), directory.pairData())) {
                Files.createDirectories(own);
            }
            return directory;
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "The directory %s cannot be prepared: %s. Choose one that can be written, with --output.",
                    path,
                    e);
        }
    }

    private void requireUsable(Path path) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        if (!Files.isDirectory(root)) {
            throw MmpoException.configuration("--output %s is a file; give a new or empty directory", path);
        }
        try (Stream<Path> entries = Files.list(root)) {
            if (!Files.exists(root.resolve(MARKER)) && entries.findAny().isPresent()) {
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
