package io.mmpo.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.MmpoException;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** metrics.jsonl: one object a line, each in the file before the run goes on. Keeps what it wrote for trainer_state.json. */
final class MetricsLog {
    static final String FILE = "metrics.jsonl";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final List<Map<String, Number>> history = new ArrayList<>();

    MetricsLog(Path outputDir) {
        this.file = outputDir.resolve(FILE);
    }

    void write(Map<String, Number> metrics) {
        history.add(metrics);
        try {
            String text = JSON.writeValueAsString(metrics) + "\n";
            Files.writeString(file, text, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("metrics could not be written as JSON", e);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "%s could not be written: %s. Make room or choose another output_dir.",
                    file,
                    IoProblem.of(e));
        }
    }

    /** When a run goes on: the lines up to the checkpoint, and none that an interrupted run wrote after it. */
    void restore(List<Map<String, Number>> lines) {
        StringBuilder text = new StringBuilder();
        try {
            for (Map<String, Number> line : lines) {
                text.append(JSON.writeValueAsString(line)).append('\n');
            }
            AtomicFile.write(file, text.toString());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("metrics could not be written as JSON", e);
        }
        history.addAll(lines);
    }

    List<Map<String, Number>> history() {
        return history;
    }
}
