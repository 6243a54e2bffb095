package io.mmpo.cli;

import io.mmpo.nativelib.NativeLibrary;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** What one fast quickstart leaves, for every test that wants a small model with its tokenizer and pairs; to be read or copied. */
final class QuickstartFiles {
    private static final QuickstartFiles MADE = new QuickstartFiles();

    private final Path directory;

    private QuickstartFiles() {
        try {
            directory = Files.createTempDirectory("mmpo-quickstart-files");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        NativeLibrary.load();
        int threads = NativeLibrary.numThreads();
        NativeLibrary.setNumThreads(
                1); // the model is so small that a second thread of a busy machine is only waited for
        Cli.run("quickstart", "--fast", "--output", directory.resolve("made")).succeeds();
        NativeLibrary.setNumThreads(threads);
    }

    static Path directory() {
        return MADE.directory.resolve("made");
    }

    /** A copy of the model with random weights, at a directory that a test may spoil. */
    static Path copyOfModel(Path target) {
        copy(directory().resolve("model"), target);
        return target;
    }

    static List<String> pairs() {
        try {
            return Files.readAllLines(directory().resolve("data/pairs/test.jsonl"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void copy(Path source, Path target) {
        try (Stream<Path> tree = Files.walk(source)) {
            for (Path path : tree.toList()) {
                Path copy = target.resolve(source.relativize(path).toString());
                if (Files.isDirectory(path)) {
                    Files.createDirectories(copy);
                } else {
                    Files.copy(path, copy);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void delete(Path directory) {
        try (Stream<Path> tree = Files.walk(directory)) {
            for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
