package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.config.LossOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.infer.Failures;
import io.mmpo.nativelib.BatchResult;
import io.mmpo.nativelib.NativeException;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.spec.Objective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The optimizer steps of a run: loads, accumulates, updates; logs, evaluates and saves when it is time. */
final class TrainingLoop {
    private final TrainingConfig config;
    private final LossOptions loss;
    private final StepPlan plan;
    private final String dataFingerprint;
    private final Intervals intervals;
    private final LearningRateSchedule schedule;
    private final NativeModel model;
    private final NativeTrainer trainer;
    private final Optional<Evaluator> evaluator;
    private final Checkpoints checkpoints;
    private final MetricsLog log;
    private final ProgressListener listener;

    private MetricWindow window = new MetricWindow(MetricWindow.Sums.NONE);
    private double totalLoss;
    private int stepsWithLoss;
    private double lastGradNorm;
    private Map<String, Number> lastMetrics = Map.of();

    TrainingLoop(
            TrainingConfig config,
            StepPlan plan,
            String dataFingerprint,
            NativeModel model,
            NativeTrainer trainer,
            Optional<Evaluator> evaluator,
            Checkpoints checkpoints,
            MetricsLog log,
            ProgressListener listener) {
        this.config = config;
        this.loss = config.loss();
        this.plan = plan;
        this.dataFingerprint = dataFingerprint;
        this.intervals = new Intervals(config.run(), plan);
        this.schedule = LearningRateSchedule.of(config, plan.totalSteps());
        this.model = model;
        this.trainer = trainer;
        this.evaluator = evaluator;
        this.checkpoints = checkpoints;
        this.log = log;
        this.listener = listener;
    }

    /**
     * Runs the steps that are left after the state, if there is one, and saves the final model, or a checkpoint where the
     * listener asked to stop. referenceSeconds: of the pass before training, for the summary.
     */
    TrainingResult run(RowSet rows, RowOrder order, Optional<TrainerState> from, double referenceSeconds) {
        int firstStep = from.map(TrainerState::globalStep).orElse(0);
        from.ifPresent(state -> {
            window = new MetricWindow(state.window());
            totalLoss = state.totalLoss();
            stepsWithLoss = state.stepsWithLoss();
        });
        long start = System.nanoTime();
        long groups = 0;
        if (firstStep == 0 && config.run().evalOnStart()) {
            evaluate("the evaluation before the first step", 0, 0);
        }
        listener.started(ProgressListener.Phase.TRAINING, firstStep, plan.totalSteps());
        try (StepLoader loader = new StepLoader(rows, plan, order, firstStep)) {
            for (int step = firstStep; step < plan.totalSteps(); step++) {
                StepBatches batches = loader.next();
                if (!train(batches, loader)) {
                    listener.finished(ProgressListener.Phase.TRAINING);
                    return interrupted(step);
                }
                groups += batches.numGroups();
                listener.advanced(ProgressListener.Phase.TRAINING, step + 1L, groups);
                report(step);
            }
        }
        listener.finished(ProgressListener.Phase.TRAINING);
        logSummary(firstStep, groups, (System.nanoTime() - start) * 1e-9, referenceSeconds);
        return new TrainingResult(checkpoints.saveFinal(), plan.totalSteps(), false, lastMetrics);
    }

    /** One optimizer step; false, with nothing updated, where the listener asked to stop. */
    private boolean train(StepBatches batches, StepLoader loader) {
        long start = System.nanoTime();
        double waited = loader.takeWaitSeconds();
        int step = batches.step();
        boolean isSft = loss.isSft();
        boolean scoresAll = intervals.comparesPairs(loss, step);
        double weight = isSft ? batches.numCompletionTokens() : batches.numGroups();
        Objective objective = loss.objective(1 / weight, scoresAll);
        double lossSum = 0;
        long tokens = 0;
        List<BatchResult> scoredPairs = new ArrayList<>();
        for (MicroBatch batch : batches.microBatches()) {
            if (listener.stopRequested()) {
                return false;
            }
            BatchResult result = Failures.explain(
                    () -> trainer.accumulate(batch.packed(), objective, batch.refLogps()),
                    batch.rows(),
                    () -> "training on " + Failures.describe(batch.rows()));
            FiniteLoss.require(result, batch, scoresAll, "step " + (step + 1));
            lossSum += Arrays.stream(result.losses()).sum();
            tokens += batch.numTokens(scoresAll);
            if (scoresAll && !isSft) {
                scoredPairs.add(
                        PreferenceMetrics.asLogged(result, loss, batch.packed().completionLengths()));
            }
        }
        lastGradNorm = update(batches);
        if (scoresAll) {
            stepsWithLoss++;
            totalLoss += lossSum / weight;
            window.addLoss(lossSum / weight);
        }
        double seconds = (System.nanoTime() - start) * 1e-9 + waited;
        scoredPairs.forEach(window::addPairs);
        window.addStep(batches.numGroups(), tokens, seconds, waited);
        return true;
    }

    private double update(StepBatches batches) {
        try {
            return trainer.step(schedule.at(batches.step()), config.optimizer().maxGradNorm());
        } catch (NativeException e) {
            if (e.status() != NativeException.Status.NON_FINITE) {
                throw e;
            }
            throw MmpoException.of(
                    MmpoException.Kind.TRAINING,
                    e,
                    "The gradient is not finite at step %d, for %s of the data; nothing was updated. Look at these rows, or lower"
                            + " learning_rate.",
                    batches.step() + 1,
                    Failures.describe(batches.rows()));
        }
    }

    private void report(int step) {
        if (intervals.logsAfter(step)) {
            write(window.metrics(lastGradNorm, schedule.at(step), plan.epochsAfter(step), step + 1));
            window = new MetricWindow(MetricWindow.Sums.NONE);
        }
        if (intervals.evaluatesAfter(step)) {
            evaluate("the evaluation after step " + (step + 1), plan.epochsAfter(step), step + 1)
                    .ifPresent(checkpoints::evaluated);
        }
        if (intervals.savesAfter(step)) {
            checkpoints.save(stateAfter(step + 1));
        }
    }

    /** The metrics as they are logged; empty where there is nothing to evaluate on. */
    private Optional<Map<String, Number>> evaluate(String during, double epoch, int globalStep) {
        Optional<Map<String, Number>> metrics = evaluator.map(rows -> rows.evaluate(model, during, listener));
        metrics.ifPresent(values -> {
            values.put("epoch", epoch);
            values.put("step", globalStep);
            write(values);
        });
        return metrics;
    }

    private void write(Map<String, Number> metrics) {
        log.write(metrics);
        lastMetrics = metrics;
        listener.logged(metrics);
    }

    private void logSummary(int firstStep, long groups, double seconds, double referenceSeconds) {
        int steps = plan.totalSteps() - firstStep;
        Map<String, Number> summary = new LinkedHashMap<>();
        summary.put("train_runtime", seconds);
        summary.put("reference_seconds", referenceSeconds);
        summary.put("train_samples_per_second", groups / seconds);
        summary.put("train_steps_per_second", steps / seconds);
        summary.put("train_loss", totalLoss / stepsWithLoss);
        summary.put("epoch", plan.epochsAfter(plan.totalSteps() - 1));
        summary.put("step", plan.totalSteps());
        log.write(summary);
        listener.logged(summary);
    }

    /** What the micro-batches of the unfinished step added up to is dropped: the step is done again when the run goes on. */
    private TrainingResult interrupted(int globalStep) {
        return new TrainingResult(checkpoints.saveWhole(stateAfter(globalStep)), globalStep, true, lastMetrics);
    }

    private TrainerState stateAfter(int globalStep) {
        double epoch = globalStep == 0 ? 0 : plan.epochsAfter(globalStep - 1);
        return new TrainerState(
                globalStep,
                epoch,
                plan.totalSteps(),
                plan.numEpochs(),
                plan.microBatchSize(),
                plan.accumulation(),
                intervals.loggingSteps(),
                intervals.saveSteps(),
                plan.numRows(),
                dataFingerprint,
                totalLoss,
                stepsWithLoss,
                window.sums(),
                log.history());
    }
}
