package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.RunMetrics;
import io.mmpo.StepMetrics;
import io.mmpo.config.TrainingConfig;
import io.mmpo.spec.SampleMean;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/**
 * The first steps of a run on this machine, which leave no files, and what the whole run would take by them. Reading rows, evaluations and
 * checkpoints are not in it.
 *
 * @param measuredSteps those that were timed: the first one, which also sets up memory and threads, is not
 * @param stepSeconds of one step of the whole run: the mean
 * @param standardError of that mean; NaN of one step
 * @param totalSteps of the whole run
 * @param referenceSeconds of the whole run, before its first step
 * @param peakMemoryBytes of the process; empty where it is not known
 */
public record ShortRun(
        int measuredSteps,
        double stepSeconds,
        double standardError,
        int totalSteps,
        double referenceSeconds,
        OptionalLong peakMemoryBytes) {
    /** One to begin with, and one to measure. */
    public static final int FEWEST_STEPS = 2;

    /** Of the whole run. */
    public double totalSeconds() {
        return referenceSeconds + totalSteps * stepSeconds;
    }

    /** steps: at least {@link #FEWEST_STEPS}; a run of fewer is measured whole. */
    public static ShortRun of(TrainingConfig config, int steps, ProgressListener listener) {
        TrainingConfig shortened = shortened(config, steps);
        Clock clock = new Clock(listener);
        AtomicInteger numRows = new AtomicInteger();
        RunMemory noFiles = new RunMemory(RunMemory.NONE.training(), RunMemory.NONE.evaluation(), false);
        try (TrainingSession session = TrainingSession.open(shortened, noFiles, clock)) {
            TrainingResult result = session.train(rows -> {
                numRows.set(rows);
                return RowOrder.seeded(config.run().dataSeed(), rows);
            });
            result.model().ifPresent(TrainedModel::close);
            if (clock.steps.isEmpty()) {
                throw MmpoException.configuration(
                        "max_steps is %d, and a run is measured by at least %d steps, of which the first is not timed; set max_steps higher",
                        result.globalStep(), FEWEST_STEPS);
            }
            double referenceSeconds = result.summary().orElseThrow().referenceSeconds();
            return clock.reckoned(config, StepPlan.of(config, numRows.get(), 1), referenceSeconds);
        }
    }

    /** What is not measured is left out, and nothing is taken from a cache, which would make it look cheap. */
    private static TrainingConfig shortened(TrainingConfig config, int steps) {
        int maxSteps = Math.min(steps, config.schedule().maxSteps().orElse(steps));
        Map<String, Object> changes = new HashMap<>(Map.of(
                "max_steps",
                maxSteps,
                "eval_strategy",
                "no",
                "eval_on_start",
                false,
                "save_strategy",
                "no",
                "load_best_model_at_end",
                false,
                "cache_dir",
                "no",
                "report_to",
                "none"));
        List.of("resume_from_checkpoint", "metric_for_best_model", "eval_tasks", "eval_tasks_data", "eval_tasks_limit")
                .forEach(key -> changes.put(key, "null"));
        return config.with(changes);
    }

    /** Times steps, and hands on what there is to tell. It never asks to stop: a run that leaves nothing may be killed. */
    private static final class Clock implements ProgressListener {
        private record Step(double seconds, boolean isLogged) {}

        private final ProgressListener listener;
        private final List<Step> steps = new ArrayList<>();
        private long begin;
        private int scoredRows;
        private OptionalLong peakMemoryBytes = OptionalLong.empty();

        Clock(ProgressListener listener) {
            this.listener = listener;
        }

        @Override
        public void message(String line) {
            listener.message(line);
        }

        @Override
        public void scoredReference(int computed, int cached, int compared) {
            scoredRows += computed;
        }

        @Override
        public void advanced(Phase phase, long done, long rows) {
            if (phase == Phase.TRAINING) {
                if (done > 1) {
                    steps.add(new Step((System.nanoTime() - begin) * 1e-9, false));
                }
                begin = System.nanoTime();
            }
        }

        @Override
        public void logged(RunMetrics line) {
            if (line instanceof StepMetrics metrics) {
                peakMemoryBytes = metrics.peakMemoryBytes();
                if (!steps.isEmpty()) {
                    steps.add(new Step(steps.removeLast().seconds(), true));
                }
            }
            begin = System.nanoTime();
        }

        ShortRun reckoned(TrainingConfig config, StepPlan whole, double referenceSeconds) {
            double logged = 1;
            if (config.loss().ignoresRejected()) { // a step that is logged is then more work than others
                logged = 1.0 / new Intervals(config.run(), whole).loggingSteps();
            }
            double[] all = seconds(step -> true);
            double[] plain = seconds(step -> !step.isLogged());
            double[] rich = seconds(Step::isLogged);
            boolean differ = logged < 1 && plain.length > 0 && rich.length > 0;
            SampleMean most = SampleMean.of(differ ? plain : all);
            double mean = differ ? logged * SampleMean.of(rich).value() + (1 - logged) * most.value() : most.value();
            long visits = (long) whole.totalSteps() * whole.microBatchSize() * whole.accumulation();
            double rows = Math.min(whole.numRows(), logged * visits);
            return new ShortRun(
                    all.length,
                    mean,
                    most.standardError(),
                    whole.totalSteps(),
                    scoredRows == 0 ? 0 : referenceSeconds / scoredRows * rows,
                    peakMemoryBytes);
        }

        private double[] seconds(Predicate<Step> which) {
            return steps.stream().filter(which).mapToDouble(Step::seconds).toArray();
        }
    }
}
