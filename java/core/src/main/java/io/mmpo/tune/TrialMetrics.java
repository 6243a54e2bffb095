package io.mmpo.tune;

import io.mmpo.Evaluation;
import io.mmpo.PairMetrics;
import io.mmpo.RunMetrics;
import io.mmpo.config.TrainingConfig;
import io.mmpo.run.MetricsHistory;
import io.mmpo.run.RunDirectory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The evaluations in a trial's metrics.jsonl: all that a search knows of a trial, so that it goes on from the files alone. */
record TrialMetrics(List<Measured> evaluations, boolean isFinished) {
    /** share: of the run that was done by then, in (0, 1]. accuracy: of rewards, in [0, 1]. */
    record Measured(int step, double epoch, double share, double accuracy) {}

    /** A line that was cut off is none yet: the run that goes on writes it again. */
    static TrialMetrics read(Path directory, TrainingConfig config) {
        Path file = new RunDirectory(directory).metrics();
        if (!Files.isRegularFile(file)) {
            return new TrialMetrics(List.of(), false);
        }
        MetricsHistory history = MetricsHistory.read(file);
        List<Measured> evaluations = history.lines().stream()
                .filter(line -> line instanceof Evaluation && line.step() > 0)
                .map(line -> new Measured(line.step(), line.epoch(), share(config, line), accuracy((Evaluation) line)))
                .toList();
        return new TrialMetrics(evaluations, history.summary().isPresent());
    }

    private static double accuracy(Evaluation evaluation) {
        return evaluation.pairs().map(PairMetrics::rewardAccuracy).orElse(Double.NaN);
    }

    /** How much of a run was done when a line was written. */
    static double share(TrainingConfig config, RunMetrics line) {
        return config.schedule().maxSteps().isPresent()
                ? (double) line.step() / config.schedule().maxSteps().getAsInt()
                : line.epoch() / config.schedule().numTrainEpochs();
    }

    /** Whether a trial came so far that it can be compared after this share of the run. */
    boolean reached(double share) {
        return isFinished || evaluations.stream().anyMatch(evaluation -> share < 1 && evaluation.share() >= share);
    }

    /** The best evaluation of those up to the first that reaches the share: the same however much further the trial has gone. */
    Optional<Measured> best(double share) {
        int counted = 0;
        while (counted < evaluations.size()) {
            counted++;
            if (share < 1 && evaluations.get(counted - 1).share() >= share) {
                break;
            }
        }
        return evaluations.subList(0, counted).stream()
                .filter(evaluation -> !Double.isNaN(evaluation.accuracy()))
                .reduce((before, after) -> after.accuracy() > before.accuracy() ? after : before);
    }
}
