package io.mmpo.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.files.IoProblem;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The metrics that a run wrote: what is left of them where it was cut off. No other class knows how they lie on disk.
 *
 * @param notes what could not be read, in sentences
 */
record MetricsHistory(List<Line> lines, List<String> notes) {
    static final String FILE = "metrics.jsonl";
    private static final String TRAIN_RUNTIME = "train_runtime";
    private static final int MAX_NOTES = 3;

    /** Python writes NaN as a bare word, Jackson as a text. */
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build());

    /** values: by metric; NaN where the line has none of that name, or none that is a number. */
    record Line(int step, double epoch, Map<String, Double> values) {
        double value(String metric) {
            return values.getOrDefault(metric, Double.NaN);
        }
    }

    static MetricsHistory read(Path file) {
        List<Line> lines = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
            int unreadable = 0;
            int number = 1;
            for (String text = reader.readLine(); text != null; text = reader.readLine(), number++) {
                if (text.isBlank()) {
                    continue;
                }
                Optional<Line> line = parse(text);
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

    /** From the log of a checkpoint's trainer_state.json. */
    static MetricsHistory of(JsonNode logHistory) {
        List<Line> lines = new ArrayList<>();
        logHistory.forEach(node -> line(node).ifPresent(lines::add));
        return new MetricsHistory(List.copyOf(lines), List.of());
    }

    private static Optional<Line> parse(String text) {
        try {
            return line(JSON.readTree(text));
        } catch (JsonProcessingException e) {
            return Optional.empty(); // cut off, or none of ours: the caller says where
        }
    }

    private static Optional<Line> line(JsonNode node) {
        if (!(node instanceof ObjectNode object) || !object.path("step").canConvertToInt()) {
            return Optional.empty();
        }
        Map<String, Double> values = new LinkedHashMap<>();
        object.properties().forEach(entry -> values.put(entry.getKey(), number(entry.getValue())));
        return Optional.of(new Line(object.path("step").intValue(), number(object.path("epoch")), values));
    }

    private static double number(JsonNode node) {
        double value = node.isNumber() ? node.doubleValue() : Double.NaN;
        return Double.isFinite(value) ? value : Double.NaN;
    }

    /** The last line of a run that came to its end. */
    Optional<Line> summary() {
        return lines.stream()
                .filter(line -> line.values().containsKey(TRAIN_RUNTIME))
                .findFirst();
    }

    int lastStep() {
        return lines.stream().mapToInt(Line::step).max().orElse(0);
    }

    /** The last one that is a number. */
    OptionalDouble last(String metric) {
        return lines.stream()
                .mapToDouble(line -> line.value(metric))
                .filter(Double::isFinite)
                .reduce((first, second) -> second);
    }

    OptionalDouble greatest(String metric) {
        return lines.stream()
                .mapToDouble(line -> line.value(metric))
                .filter(Double::isFinite)
                .max();
    }

    /** A metric by steps, NaN where it is no number; empty where the run has none of that name. */
    List<Point> curve(String metric, double factor) {
        return lines.stream()
                .filter(line -> line.values().containsKey(metric))
                .map(line -> new Point(line.step(), line.value(metric) * factor, ""))
                .toList();
    }

    /** Of a step that has a line, or between the lines around it. */
    OptionalDouble epochAt(int step) {
        Optional<Line> nearest = lines.stream()
                .filter(line -> line.step() > 0 && Double.isFinite(line.epoch()))
                .min(java.util.Comparator.comparingInt(line -> Math.abs(line.step() - step)));
        return nearest.map(line -> OptionalDouble.of(line.epoch() * step / line.step()))
                .orElse(OptionalDouble.empty());
    }
}
