package io.mmpo.train;

import io.mmpo.config.IntervalStrategy;
import io.mmpo.config.LossOptions;
import io.mmpo.config.RunOptions;
import io.mmpo.config.TrainingConfig;

/** After which optimizer steps a run logs, evaluates and saves, as Hugging Face's DefaultFlowCallback decides. */
record Intervals(RunOptions options, StepPlan plan) {
    /** step: from 0. The last step is logged too, which Hugging Face leaves out. */
    boolean logsAfter(int step) {
        return (step + 1) % loggingSteps() == 0 || isLast(step) || (step == 0 && options.loggingFirstStep());
    }

    /**
     * Whether both responses of the step's pairs are scored and compared with the reference: always, unless the gradient needs
     * neither rejected response nor reference. Then both are for the metrics alone, and scored for the steps that log them.
     */
    boolean comparesPairs(LossOptions loss, int step) {
        return !loss.ignoresRejected() || logsAfter(step);
    }

    /** Whether {@link #comparesPairs} holds for every step, however many there are. */
    static boolean comparesInEveryStep(TrainingConfig config) {
        return !config.loss().ignoresRejected() || config.run().loggingSteps().value() == 1;
    }

    boolean evaluatesAfter(int step) {
        int evalSteps = options.evalSteps().orElse(options.loggingSteps()).of(plan.totalSteps());
        double done = options.evalStrategy() == IntervalStrategy.EPOCH ? plan.epochsAfter(step) : step + 1;
        return options.evalDelay() <= done && isDue(options.evalStrategy(), evalSteps, step);
    }

    boolean savesAfter(int step) {
        return isDue(options.saveStrategy(), saveSteps(), step);
    }

    /** Checkpoints that a run writes which goes on after so many steps. */
    long numSaves(int firstStep) {
        if (firstStep >= plan.totalSteps()) {
            return 0;
        }
        return switch (options.saveStrategy()) {
            case NO -> 0;
            case STEPS -> Math.ceilDiv(plan.totalSteps(), saveSteps()) - (long) firstStep / saveSteps();
            case EPOCH -> plan.numEpochs() - (long) plan.epochOf(firstStep);
        };
    }

    int loggingSteps() {
        return options.loggingSteps().of(plan.totalSteps());
    }

    int saveSteps() {
        return options.saveSteps().of(plan.totalSteps());
    }

    private boolean isDue(IntervalStrategy strategy, int interval, int step) {
        return switch (strategy) {
            case NO -> false;
            case STEPS -> (step + 1) % interval == 0 || isLast(step);
            case EPOCH -> plan.endsEpoch(step) || isLast(step);
        };
    }

    private boolean isLast(int step) {
        return step + 1 == plan.totalSteps();
    }
}
