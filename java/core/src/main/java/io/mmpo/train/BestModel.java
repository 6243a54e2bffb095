package io.mmpo.train;

import io.mmpo.Evaluation;
import io.mmpo.RunMetrics;
import io.mmpo.TaskEvaluation;
import io.mmpo.config.BestModelOptions;
import io.mmpo.run.MetricNames;
import io.mmpo.run.RunDirectory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * The best evaluation so far and the checkpoint of its step, as transformers keeps them. A run that goes on learns of them from the
 * evaluations in its log.
 */
final class BestModel {
    private final BestModelOptions options;
    private final RunDirectory directory;
    private OptionalDouble value = OptionalDouble.empty();
    private OptionalInt step = OptionalInt.empty();
    private Optional<Path> checkpoint = Optional.empty();

    BestModel(BestModelOptions options, RunDirectory directory) {
        this.options = options;
        this.directory = directory;
    }

    /** An evaluation after a step of the run. */
    void observe(RunMetrics evaluation) {
        Number metric = options.metric().map(MetricNames.of(evaluation)::get).orElse(null);
        if (metric == null) {
            return;
        }
        double now = metric.doubleValue();
        boolean isFirst = value.isEmpty() && !Double.isNaN(now);
        if (isFirst || value.isPresent() && options.isBetter(now, value.getAsDouble())) {
            value = OptionalDouble.of(now);
            step = OptionalInt.of(evaluation.step());
        }
    }

    /** After a checkpoint was written: the best one is that of the best evaluation, where that step has one. */
    void saved() {
        step.stream()
                .mapToObj(directory::checkpoint)
                .filter(Files::isDirectory)
                .forEach(path -> checkpoint = Optional.of(path));
    }

    /** The lines of a log that a run goes on with. */
    void observeAgain(List<RunMetrics> history) {
        for (RunMetrics line : history) {
            if ((line instanceof Evaluation || line instanceof TaskEvaluation) && line.step() > 0) {
                observe(line);
                saved();
            }
        }
    }

    Optional<Path> checkpoint() {
        return checkpoint;
    }

    /** As a line says it: "eval_loss 0.5 after step 3". */
    String describe() {
        if (step.isEmpty()) {
            return "there was none";
        }
        return String.format(
                Locale.ROOT,
                "%s %.6g after step %d",
                options.metric().orElseThrow(),
                value.orElseThrow(),
                step.orElseThrow());
    }
}
