package io.mmpo.quickstart;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.files.AtomicFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** A corpus as JSON lines of messages: sft/ and pairs/ with train, validation and test. */
final class CorpusFiles {
    private static final ObjectMapper JSON = new ObjectMapper();

    private CorpusFiles() {}

    static void write(Corpus corpus, Path sft, Path pairs) {
        writeSplit("train", corpus.train(), sft, pairs);
        writeSplit("validation", corpus.validation(), sft, pairs);
        writeSplit("test", corpus.test(), sft, pairs);
    }

    private static void writeSplit(String name, Corpus.Split split, Path sft, Path pairs) {
        writeLines(
                sft.resolve(name + ".jsonl"),
                split.demonstrations(),
                row -> object("prompt", user(row.example()), "completion", assistant(row.answer())));
        writeLines(
                pairs.resolve(name + ".jsonl"),
                split.pairs(),
                row -> object(
                        "prompt",
                        user(row.example()),
                        "chosen",
                        assistant(row.chosen()),
                        "rejected",
                        assistant(row.rejected())));
    }

    private static <T> void writeLines(Path file, List<T> rows, Function<T, Map<String, Object>> toObject) {
        StringBuilder lines = new StringBuilder();
        rows.forEach(row ->
                lines.append(JSON.valueToTree(toObject.apply(row)).toString()).append('\n'));
        AtomicFile.write(file, lines.toString());
    }

    private static List<Map<String, Object>> user(Example example) {
        return List.of(message("user", example.question()));
    }

    private static List<Map<String, Object>> assistant(String answer) {
        return List.of(message("assistant", answer));
    }

    private static Map<String, Object> message(String role, String content) {
        return object("role", role, "content", content);
    }

    /** Keys and values in turn; unlike Map.of's, the order stays, so that a seed gives the same bytes. */
    private static Map<String, Object> object(Object... keysAndValues) {
        Map<String, Object> object = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            object.put((String) keysAndValues[i], keysAndValues[i + 1]);
        }
        return object;
    }
}
