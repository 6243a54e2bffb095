package io.mmpo.train;

import io.mmpo.config.IntervalStrategy;
import io.mmpo.config.RunOptions;

/** After which optimizer steps a run logs, evaluates and saves, as Hugging Face's DefaultFlowCallback decides. */
record Intervals(RunOptions options, StepPlan plan) {
    /** step: from 0. The last step is logged too, which Hugging Face leaves out. */
    boolean logsAfter(int step) {
        return (step + 1) % loggingSteps() == 0 || isLast(step) || (step == 0 && options.loggingFirstStep());
    }

    boolean evaluatesAfter(int step) {
        int evalSteps = options.evalSteps().orElse(options.loggingSteps()).of(plan.totalSteps());
        return isDue(options.evalStrategy(), evalSteps, step);
    }

    boolean savesAfter(int step) {
        return isDue(options.saveStrategy(), saveSteps(), step);
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
