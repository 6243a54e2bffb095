package io.mmpo.run;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.RunMetrics;
import io.mmpo.TrainingSummary;
import io.mmpo.files.IoProblem;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.DoubleStream;

/**
 * The metrics that a run wrote: what is left of them where it was cut off.
 *
 * @param notes what could not be read, in sentences
 */
public record MetricsHistory(List<RunMetrics> lines, List<String> notes) {
    private static final int MAX_NOTES = 3;

    /** Python writes NaN as a bare word, Jackson as a text. */
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build());

    /** A metric after a step; value: NaN where it is no number. */
    public record Value(int step, double value) {}

    /** file: a metrics.jsonl. */
    public static MetricsHistory read(Path file) {
        List<RunMetrics> lines = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
            int unreadable = 0;
            int number = 1;
            for (String text = reader.readLine(); text != null; text = reader.readLine(), number++) {
                if (text.isBlank()) {
                    continue;
                }
                Optional<RunMetrics> line = parse(text);
                if (line.isPresent()) {
                    lines.add(line.get());
                } else if (++unreadable <= MAX_NOTES) {
                    notes.add("Line " + number + " of " + file.getFileName()
                            + " is not a whole line of metrics, and is left out.");
                }
            }
            if (unreadable > MAX_NOTES) {
                notes.add("So are " + (unreadable - MAX_NOTES) + " more lines of it.");
            }
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
        return new MetricsHistory(List.copyOf(lines), List.copyOf(notes));
    }

    /** From the log of a checkpoint's trainer_state.json, whichever program wrote it. */
    public static MetricsHistory ofTrainerState(JsonNode state) {
        List<RunMetrics> lines = new ArrayList<>();
        state.path("log_history").forEach(node -> MetricNames.read(node).ifPresent(lines::add));
        return new MetricsHistory(List.copyOf(lines), List.of());
    }

    private static Optional<RunMetrics> parse(String text) {
        try {
            return MetricNames.read(JSON.readTree(text));
        } catch (JsonProcessingException e) {
            return Optional.empty(); // cut off, or none of ours: the caller says where
        }
    }

    /** Of a run that came to its end. */
    public Optional<TrainingSummary> summary() {
        return lines.stream()
                .filter(TrainingSummary.class::isInstance)
                .map(TrainingSummary.class::cast)
                .findFirst();
    }

    public int lastStep() {
        return lines.stream().mapToInt(RunMetrics::step).max().orElse(0);
    }

    /** The last one that is a number. */
    public OptionalDouble last(String metric) {
        return numbers(metric).reduce((first, second) -> second);
    }

    public OptionalDouble greatest(String metric) {
        return numbers(metric).max();
    }

    private DoubleStream numbers(String metric) {
        return values(metric).stream().mapToDouble(Value::value).filter(Double::isFinite);
    }

    /** A metric by steps; empty where the run has none of that name. */
    public List<Value> values(String metric) {
        List<Value> values = new ArrayList<>();
        for (RunMetrics line : lines) {
            Map<String, Number> byName = MetricNames.of(line);
            if (byName.containsKey(metric)) {
                double value = Objects.requireNonNull(byName.get(metric)).doubleValue();
                values.add(new Value(line.step(), value));
            }
        }
        return List.copyOf(values);
    }

    /** Of a step that has a line, or between the lines around it. */
    public OptionalDouble epochAt(int step) {
        Optional<RunMetrics> nearest = lines.stream()
                .filter(line -> line.step() > 0 && Double.isFinite(line.epoch()))
                .min(Comparator.comparingInt(line -> Math.abs(line.step() - step)));
        return nearest.map(line -> OptionalDouble.of(line.epoch() * step / line.step()))
                .orElse(OptionalDouble.empty());
    }
}
