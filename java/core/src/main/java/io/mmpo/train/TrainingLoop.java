package io.mmpo.train;

import io.mmpo.Evaluation;
import io.mmpo.MmpoException;
import io.mmpo.RunMetrics;
import io.mmpo.TaskEvaluation;
import io.mmpo.TrainingSummary;
import io.mmpo.config.LossOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.dist.Ranks;
import io.mmpo.infer.Failures;
import io.mmpo.infer.Scorer;
import io.mmpo.nativelib.BatchResult;
import io.mmpo.nativelib.NativeException;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.run.MetricsLog;
import io.mmpo.run.RunCheckpoint;
import io.mmpo.run.TrainerState;
import io.mmpo.run.TrainerState.PairSums;
import io.mmpo.run.TrainerState.WindowSums;
import io.mmpo.spec.Objective;
import java.util.Arrays;
import java.util.Optional;

/** The optimizer steps of a run: loads, accumulates, updates; logs, evaluates and saves when it is time. */
final class TrainingLoop {
    private final TrainingConfig config;
    private final LossOptions loss;
    private final PreparedRun prepared;
    private final StepPlan plan;
    private final Intervals intervals;
    private final LearningRateSchedule schedule;
    private final NativeTrainer trainer;
    private final Optional<Evaluator> evaluator;
    private final Optional<TaskEvaluator> tasks;
    private final Saving saving;
    private final MetricsLog log;
    private final ProgressListener listener;
    private final Ranks ranks;

    private MetricWindow window;
    private double totalLoss;
    private int stepsWithLoss;
    private double lastGradNorm;

    TrainingLoop(
            TrainingConfig config,
            PreparedRun prepared,
            Scorer scorer,
            Optional<TaskEvaluator> tasks,
            NativeTrainer trainer,
            Saving saving,
            MetricsLog log,
            ProgressListener listener,
            Ranks ranks) {
        this.config = config;
        this.ranks = ranks;
        this.loss = config.loss();
        this.prepared = prepared;
        this.plan = prepared.plan();
        this.intervals = new Intervals(config.run(), plan);
        this.schedule = LearningRateSchedule.of(config, plan.totalSteps());
        this.trainer = trainer;
        this.evaluator = prepared.evaluation()
                .map(rows -> new Evaluator(scorer, loss, rows, config.batches().evalBatchSize(), ranks));
        this.tasks = tasks;
        this.saving = saving;
        this.log = log;
        this.listener = listener;
        Optional<TrainerState> state = prepared.from().map(RunCheckpoint::state);
        window = new MetricWindow(state.map(TrainerState::window).orElse(WindowSums.NONE));
        totalLoss = state.map(TrainerState::totalLoss).orElse(0.0);
        stepsWithLoss = state.map(TrainerState::stepsWithLoss).orElse(0);
    }

    /** Runs the steps that are left, and saves the final model, or a checkpoint where the listener asked to stop. */
    TrainingResult run() {
        int firstStep = prepared.firstStep();
        long start = System.nanoTime();
        long groups = 0;
        if (!evaluateFirst(firstStep)) {
            return interrupted(firstStep);
        }
        listener.started(ProgressListener.Phase.TRAINING, firstStep, plan.totalSteps());
        try (StepLoader loader = new StepLoader(prepared.training(), plan, prepared.order(), ranks, firstStep)) {
            for (int step = firstStep; step < plan.totalSteps(); step++) {
                StepBatches batches = loader.next();
                Outcome outcome = train(batches, loader);
                if (outcome == Outcome.NOT_MADE) {
                    listener.finished(ProgressListener.Phase.TRAINING);
                    return interrupted(step);
                }
                groups += batches.numGroups();
                listener.advanced(ProgressListener.Phase.TRAINING, step + 1L, groups);
                boolean isWhole = report(step);
                if (!isWhole || outcome == Outcome.LAST && step + 1 < plan.totalSteps()) {
                    listener.finished(ProgressListener.Phase.TRAINING);
                    return interrupted(step + 1);
                }
            }
        }
        listener.finished(ProgressListener.Phase.TRAINING);
        TrainingSummary summary = summary(groups, (System.nanoTime() - start) * 1e-9);
        write(summary);
        return new TrainingResult(
                saving.saveFinal(plan.totalSteps()), plan.totalSteps(), Optional.of(summary), Optional.empty());
    }

    /** What came of a step: MADE; NOT_MADE, and nothing updated, since the listener asked to stop; LAST, since one of several did. */
    private enum Outcome {
        MADE,
        NOT_MADE,
        LAST
    }

    /** One optimizer step. One process looks before each micro-batch whether to stop; ranks agree about it at the end of the step. */
    private Outcome train(StepBatches batches, StepLoader loader) {
        long start = System.nanoTime();
        double waited = loader.takeWaitSeconds();
        int step = batches.step();
        boolean isSft = loss.isSft();
        boolean scoresAll = intervals.comparesPairs(loss, step);
        double weight = isSft ? batches.numLearntTokens() : batches.numGroups();
        Objective objective = loss.objective(1 / weight, scoresAll);
        double lossSum = 0;
        long tokens = 0;
        PreferenceMetrics pairs = new PreferenceMetrics(PairSums.NONE);
        for (MicroBatch batch : batches.microBatches()) {
            if (!ranks.areSeveral() && listener.stopRequested()) {
                return Outcome.NOT_MADE;
            }
            trainer.expectGroups(batch.groupNumbers());
            if (batch == batches.microBatches().getLast()) {
                trainer.expectStep();
            }
            BatchResult result = Failures.explain(
                    () -> trainer.accumulate(batch.packed(), objective, batch.refLogps()),
                    batch.rows(),
                    () -> "training on " + Failures.describe(batch.rows()));
            FiniteLoss.require(result, batch, scoresAll, "step " + (step + 1));
            lossSum += Arrays.stream(result.losses()).sum();
            tokens += batch.numTokens(scoresAll);
            if (scoresAll && !isSft) {
                pairs.add(
                        PreferenceMetrics.asLogged(result, loss, batch.packed().completionLengths()));
            }
        }
        lastGradNorm = update(batches);
        boolean stops = ranks.areSeveral() && listener.stopRequested();
        StepSums sums = new StepSums(lossSum, weight, tokens, 0, pairs.sums(), stops)
                .over(ranks, "the exchange of metrics after step " + (step + 1));
        if (scoresAll) {
            stepsWithLoss++;
            totalLoss += sums.loss() / weight;
            window.addLoss(sums.loss() / weight);
        }
        double seconds = (System.nanoTime() - start) * 1e-9 + waited;
        window.addPairs(sums.pairs());
        window.addStep(batches.numGroups(), sums.tokens(), seconds, waited);
        return sums.stops() ? Outcome.LAST : Outcome.MADE;
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

    /** False where the listener asked to stop in the middle: nothing of the step is saved then but what the run goes on from. */
    private boolean report(int step) {
        if (intervals.logsAfter(step)) {
            write(window.metrics(lastGradNorm, schedule.at(step), plan.epochsAfter(step), step + 1));
            window = new MetricWindow(WindowSums.NONE);
        }
        if (intervals.evaluatesAfter(step)) {
            evaluate(plan.epochsAfter(step), step + 1).ifPresent(saving::evaluated);
            if (!askTasks(plan.epochsAfter(step), step + 1)) {
                return false;
            }
        }
        if (intervals.savesAfter(step)) {
            saving.save(stateAfter(step + 1));
        }
        return true;
    }

    /** What eval_on_start asks for, and what the run that this one goes on with was asked to stop in; false where this one is, too. */
    private boolean evaluateFirst(int firstStep) {
        boolean isDue = firstStep == 0 ? config.run().evalOnStart() : intervals.evaluatesAfter(firstStep - 1);
        if (!isDue) {
            return true;
        }
        if (firstStep == 0 && !isLogged(Evaluation.class, 0)) {
            evaluate(0, 0);
        }
        double epoch = firstStep == 0 ? 0 : plan.epochsAfter(firstStep - 1);
        return isLogged(TaskEvaluation.class, firstStep) || askTasks(epoch, firstStep);
    }

    /** The first rank has the log. */
    private boolean isLogged(Class<? extends RunMetrics> kind, int step) {
        boolean isLogged = log.history().stream().anyMatch(line -> kind.isInstance(line) && line.step() == step);
        return ranks.any(isLogged, "the beginning of the run");
    }

    /** False where the listener asked to stop before the last answer. */
    private boolean askTasks(double epoch, int globalStep) {
        if (tasks.isEmpty()) {
            return true;
        }
        Optional<TaskEvaluation> evaluation = tasks.get().evaluate(epoch, globalStep);
        evaluation.ifPresent(this::write);
        evaluation.filter(line -> line.step() > 0).ifPresent(saving::evaluated);
        return evaluation.isPresent();
    }

    /** As it is logged; empty where there is nothing to evaluate on. */
    private Optional<Evaluation> evaluate(double epoch, int globalStep) {
        Optional<Evaluation> evaluation = evaluator.map(rows -> rows.evaluate(epoch, globalStep, listener));
        evaluation.ifPresent(this::write);
        return evaluation;
    }

    private void write(RunMetrics line) {
        if (ranks.isFirst()) {
            log.write(line);
        }
        listener.logged(line);
    }

    private TrainingSummary summary(long groups, double seconds) {
        int steps = plan.totalSteps() - prepared.firstStep();
        return new TrainingSummary(
                plan.totalSteps(),
                plan.epochsAfter(plan.totalSteps() - 1),
                totalLoss / stepsWithLoss,
                seconds,
                prepared.referenceSeconds(),
                groups / seconds,
                steps / seconds);
    }

    /** What the micro-batches of the unfinished step added up to is dropped: the step is done again when the run goes on. */
    private TrainingResult interrupted(int globalStep) {
        return new TrainingResult(
                saving.saveWhole(stateAfter(globalStep)), globalStep, Optional.empty(), Optional.empty());
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
                prepared.dataFingerprint(),
                totalLoss,
                stepsWithLoss,
                window.sums(),
                log.history());
    }
}
