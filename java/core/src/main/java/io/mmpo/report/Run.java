package io.mmpo.report;

import io.mmpo.run.MetricsHistory;
import io.mmpo.spec.LossType;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * A run as a report knows it.
 *
 * @param name short, and no other run's
 * @param directory as the user gave it
 * @param settings by key, as in config.yaml
 * @param plannedSteps where config.yaml or a checkpoint says it
 * @param evaluations of its models, in the order of their steps
 * @param notes what could not be read, in sentences
 */
record Run(
        String name,
        Path directory,
        Map<String, String> settings,
        MetricsHistory metrics,
        OptionalInt plannedSteps,
        List<Evaluation> evaluations,
        List<SampleAnswer> answers,
        List<String> notes) {
    private static final String UNKNOWN = "unknown loss";

    String loss() {
        return settings.getOrDefault("loss_type", UNKNOWN);
    }

    /** Of loss and options, as a heading has it: rewards of two losses are not in the same unit. */
    String lossHeading() {
        return switch (loss()) {
            case "mmpo", "dpo", "sft", "orpo", "ipo", "cpo" -> loss().toUpperCase(java.util.Locale.ROOT);
            case "simpo" -> "SimPO";
            default -> loss();
        };
    }

    /** Where a loss is made from means over tokens, its log-probabilities are logged so too. */
    boolean logsMeansOverTokens() {
        boolean isNormalized = Boolean.parseBoolean(settings.get("length_normalize"));
        return LossType.named(loss())
                .map(type -> type.logsMeanLogps(isNormalized))
                .orElse(isNormalized);
    }

    /** A metric by steps, a point that is no number where it was none; empty where the run has none of that name. */
    List<Point> curve(String metric, double factor) {
        return metrics.values(metric).stream()
                .map(value -> new Point(value.step(), value.value() * factor, ""))
                .toList();
    }

    String status() {
        if (metrics.summary().isPresent()) {
            return "finished";
        }
        if (metrics.lines().isEmpty()) {
            return "no metrics yet";
        }
        return "stopped or going on at step " + metrics.lastStep()
                + (plannedSteps.isPresent() ? " of " + plannedSteps.getAsInt() : "");
    }
}
