package io.mmpo.jmh;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The model and the rows that the benchmarks read, beside the project or where MMPO_SHARED says. */
final class SharedFiles {
    private static final ObjectMapper JSON = new ObjectMapper();

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

    /** Of the first rows of a real preference set the three texts that are tokenized: prompt, prompt and chosen, prompt and rejected. */
    static List<List<String>> texts(int rows) {
        try (Stream<String> lines = Files.lines(file("data/preference/ultrafeedback_train.jsonl"))) {
            return lines.limit(rows).map(SharedFiles::texts).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> texts(String line) {
        try {
            JsonNode row = JSON.readTree(line);
            String prompt = contents(row.get("prompt"));
            return List.of(prompt, prompt + contents(row.get("chosen")), prompt + contents(row.get("rejected")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String contents(JsonNode messages) {
        return messages.findValuesAsText("content").stream()
                .map(text -> text + "\n")
                .collect(Collectors.joining());
    }
}
