package io.mmpo.track;

import io.mmpo.RunMetrics;
import io.mmpo.run.MetricNames;
import java.nio.file.Path;
import java.util.Map;

/**
 * What a tracker is told of a run before its first line.
 *
 * @param directory output_dir, which exists
 * @param settings by key, as in config.yaml
 * @param firstStep after which it begins: 0, or that of the checkpoint that it goes on from
 * @param resumed whether it was asked to go on with an earlier run
 */
public record TrackedRun(Path directory, Map<String, String> settings, int firstStep, boolean resumed) {
    /** What a line says by name, beside its step. */
    static Map<String, Number> numbers(RunMetrics line) {
        Map<String, Number> numbers = MetricNames.of(line);
        numbers.remove("step");
        numbers.values().removeIf(value -> Double.isNaN(value.doubleValue()));
        return numbers;
    }

    String name() {
        Path last = directory.toAbsolutePath().normalize().getFileName();
        return last == null ? directory.toString() : last.toString();
    }
}
