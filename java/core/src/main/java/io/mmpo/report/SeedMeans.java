package io.mmpo.report;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.RunMetrics;
import io.mmpo.files.JsonFile;
import io.mmpo.run.MetricNames;
import io.mmpo.run.MetricsHistory;
import io.mmpo.spec.SampleMean;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;

/** Runs that differ in their seed alone as one: means of what they logged, and of what was measured of them with its standard error. */
final class SeedMeans {
    /** What such runs may differ in: the seeds, and where files lie. */
    private static final List<String> OWN = List.of("seed", "data_seed", "output_dir", "cache_dir");

    private final List<Run> members;

    private SeedMeans(List<Run> members) {
        this.members = members;
    }

    /** In the order of their first members. */
    static List<Run> of(List<Run> runs) {
        Map<Map<String, String>, List<Run>> groups = new LinkedHashMap<>();
        for (Run run : runs) {
            Map<String, String> settings = new HashMap<>(run.settings());
            OWN.forEach(settings::remove);
            groups.computeIfAbsent(settings, any -> new ArrayList<>()).add(run);
        }
        return groups.values().stream()
                .map(group -> group.size() == 1 ? group.getFirst() : new SeedMeans(group).mean())
                .toList();
    }

    private Run mean() {
        Run first = members.getFirst();
        List<String> names = members.stream().map(Run::name).toList();
        List<String> notes = new ArrayList<>();
        notes.add("The mean of " + members.size() + " runs: " + String.join(", ", names) + ".");
        members.forEach(run -> run.notes().forEach(note -> notes.add(run.name() + ": " + note)));
        Map<String, String> settings = new LinkedHashMap<>(first.settings());
        OWN.forEach(settings::remove);
        return new Run(
                RunNames.common(names),
                first.directory(),
                settings,
                new MetricsHistory(meanLines(), List.of()),
                first.plannedSteps(),
                meanEvaluations(),
                first.answers(),
                List.copyOf(notes));
    }

    /** As far as all members have lines of the same steps and names. */
    private List<RunMetrics> meanLines() {
        List<RunMetrics> means = new ArrayList<>();
        for (int i = 0; ; i++) {
            List<Map<String, Number>> lines = new ArrayList<>();
            for (Run run : members) {
                List<RunMetrics> all = run.metrics().lines();
                if (i < all.size()) {
                    lines.add(MetricNames.of(all.get(i)));
                }
            }
            Optional<RunMetrics> mean = lines.size() == members.size() ? meanLine(lines) : Optional.empty();
            if (mean.isEmpty()) {
                return List.copyOf(means);
            }
            means.add(mean.get());
        }
    }

    private static Optional<RunMetrics> meanLine(List<Map<String, Number>> lines) {
        Map<String, Number> first = lines.getFirst();
        ObjectNode mean = JsonFile.MAPPER.createObjectNode();
        for (Map<String, Number> line : lines) {
            boolean isSame = line.keySet().equals(first.keySet())
                    && Objects.equals(line.get(MetricNames.STEP), first.get(MetricNames.STEP));
            if (!isSame) {
                return Optional.empty();
            }
        }
        first.forEach((name, value) -> {
            double average = lines.stream()
                    .map(line -> Objects.requireNonNull(line.get(name)))
                    .mapToDouble(Number::doubleValue)
                    .average()
                    .orElseThrow();
            if (value instanceof Double) {
                mean.put(name, average);
            } else {
                mean.put(name, Math.round(average)); // a step, or bytes
            }
        });
        return MetricNames.read(mean);
    }

    /** Of the checkpoints that all members have evaluations of. */
    private List<Evaluation> meanEvaluations() {
        List<Evaluation> means = new ArrayList<>();
        for (Evaluation evaluation : members.getFirst().evaluations()) {
            List<Evaluation> same = members.stream()
                    .flatMap(run -> run.evaluations().stream())
                    .filter(other -> other.checkpoint().equals(evaluation.checkpoint()))
                    .toList();
            if (same.size() == members.size()) {
                means.add(mean(same));
            }
        }
        return List.copyOf(means);
    }

    private static Evaluation mean(List<Evaluation> evaluations) {
        Evaluation first = evaluations.getFirst();
        Map<String, Double> accuracies = new LinkedHashMap<>();
        for (String task : first.accuracies().keySet()) {
            Spread spread = Spread.of(evaluations, evaluation -> {
                Double accuracy = evaluation.accuracies().get(task);
                return accuracy == null ? OptionalDouble.empty() : OptionalDouble.of(accuracy);
            });
            spread.mean().ifPresent(mean -> accuracies.put(task, mean));
        }
        Spread accuracy = Spread.of(evaluations, Evaluation::meanAccuracy);
        Spread winRate = Spread.of(evaluations, Evaluation::winRate);
        Spread lengthControlled = Spread.of(evaluations, Evaluation::lengthControlled);
        return new Evaluation(
                first.checkpoint(),
                first.step(),
                first.epoch(),
                accuracies,
                accuracy.mean(),
                winRate.mean(),
                lengthControlled.mean(),
                Optional.of(new Evaluation.Errors(accuracy.error(), winRate.error(), lengthControlled.error())));
    }

    /** A mean and its standard error; no mean and NaN where one of the values is missing. */
    private record Spread(OptionalDouble mean, double error) {
        static Spread of(List<Evaluation> evaluations, Function<Evaluation, OptionalDouble> value) {
            List<OptionalDouble> values = evaluations.stream().map(value).toList();
            if (values.stream().anyMatch(OptionalDouble::isEmpty)) {
                return new Spread(OptionalDouble.empty(), Double.NaN);
            }
            double[] numbers =
                    values.stream().mapToDouble(OptionalDouble::getAsDouble).toArray();
            SampleMean mean = SampleMean.of(numbers);
            return new Spread(OptionalDouble.of(mean.value()), mean.standardError());
        }
    }
}
