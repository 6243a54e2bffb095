package io.mmpo.jmh;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The model and the rows that the benchmarks read, beside the project or where MMPO_SHARED says. */
final class SharedFiles {
    private SharedFiles() {}

    static Path file(String name) {
        String shared = System.getenv("MMPO_SHARED");
        Path path = Path.of(shared == null ? "../shared" : shared, name);
        if (!Files.exists(path)) {
            throw new IllegalStateException(
                    "the benchmark needs " + path.toAbsolutePath().normalize()
                            + ", which is not there; MMPO_SHARED names the directory that has it");
        }
        return path;
    }

    /** The first lines of a file of real preference rows. */
    static List<String> rows(int count) {
        try (Stream<String> lines = Files.lines(file("data/preference/ultrafeedback_train.jsonl"))) {
            return lines.limit(count).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
