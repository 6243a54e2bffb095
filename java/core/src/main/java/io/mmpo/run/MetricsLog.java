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
import java.util.Optional;
import java.util.function.Consumer;

/** Writes metrics.jsonl: one object a line, each in the file before the run goes on. Keeps what it wrote for trainer_state.json. */
public final class MetricsLog {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Optional<Path> file;
    private final Consumer<RunMetrics> further;
    private final List<RunMetrics> history = new ArrayList<>();

    public MetricsLog(RunDirectory directory) {
        this(directory, line -> {});
    }

    /** further: who is given every line after it was written. */
    public MetricsLog(RunDirectory directory, Consumer<RunMetrics> further) {
        this.file = Optional.of(directory.metrics());
        this.further = further;
    }

    /** Of a run that leaves no files. */
    public MetricsLog() {
        this.file = Optional.empty();
        this.further = line -> {};
    }

    public void write(RunMetrics line) {
        history.add(line);
        file.ifPresent(path -> append(path, toJson(line)));
        further.accept(line);
    }

    private static void append(Path file, String text) {
        try {
            Files.writeString(file, text, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
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
    public void restore(List<RunMetrics> lines) {
        StringBuilder text = new StringBuilder();
        lines.forEach(line -> text.append(toJson(line)));
        file.ifPresent(path -> AtomicFile.write(path, text.toString()));
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
