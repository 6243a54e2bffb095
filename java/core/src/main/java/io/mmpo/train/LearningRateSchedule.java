package io.mmpo.train;

import io.mmpo.config.SchedulerType;
import io.mmpo.config.TrainingConfig;

/**
 * Learning rate of every optimizer step, as Hugging Face's get_*_schedule: warm-up rises linearly from 0, so the first step of
 * a warm-up has rate 0; then linear falls to 0, cosine is half a wave down to 0, constant stays.
 */
record LearningRateSchedule(SchedulerType type, double peak, int warmupSteps, int totalSteps) {
    static LearningRateSchedule of(TrainingConfig config, int totalSteps) {
        return new LearningRateSchedule(
                config.schedule().type(),
                config.optimizer().learningRate(),
                config.schedule().warmupStepsOf(totalSteps),
                totalSteps);
    }

    /** step: from 0. */
    double at(int step) {
        return peak * factor(step);
    }

    private double factor(int step) {
        if (type == SchedulerType.CONSTANT) {
            return 1;
        }
        if (step < warmupSteps) {
            return (double) step / Math.max(1, warmupSteps);
        }
        double decaySteps = Math.max(1, totalSteps - warmupSteps);
        return switch (type) {
            case LINEAR -> Math.max(0, (totalSteps - step) / decaySteps);
            case COSINE -> Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((step - warmupSteps) / decaySteps))));
            case CONSTANT, CONSTANT_WITH_WARMUP -> 1;
        };
    }
}
