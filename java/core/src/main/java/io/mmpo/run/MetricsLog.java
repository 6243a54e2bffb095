package io.mmpo.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.MmpoException;
import io.mmpo.RunMetrics;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Writes metrics.jsonl: one object a line, each in the file before the run goes on. Keeps what it wrote for trainer_state.json. */
public final class MetricsLog {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final Consumer<RunMetrics> further;
    private final List<RunMetrics> history = new ArrayList<>();

    public MetricsLog(RunDirectory directory) {
        this(directory, line -> {});
    }

    /** further: who is given every line after it was written. */
    public MetricsLog(RunDirectory directory, Consumer<RunMetrics> further) {
        this.file = directory.metrics();
        this.further = further;
    }

    public void write(RunMetrics line) {
        history.add(line);
        try {
            Files.writeString(
                    file, toJson(line), StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "%s could not be written: %s. Make room or choose another output_dir.",
                    file,
                    IoProblem.of(e));
        }
        further.accept(line);
    }

    /** When a run goes on: the lines up to the checkpoint, and none that an interrupted run wrote after it. */
    public void restore(List<RunMetrics> lines) {
        StringBuilder text = new StringBuilder();
        lines.forEach(line -> text.append(toJson(line)));
        AtomicFile.write(file, text.toString());
        history.addAll(lines);
    }

    public List<RunMetrics> history() {
        return List.copyOf(history);
    }

    private static String toJson(RunMetrics line) {
        try {
            return JSON.writeValueAsString(MetricNames.written(line)) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("metrics could not be written as JSON", e);
        }
    }
}
