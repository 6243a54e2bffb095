package io.mmpo.config;

import java.util.OptionalInt;

/**
 * How long to train and how the learning rate moves. maxSteps overrides numTrainEpochs where present. Warm-up is a number of
 * steps or a share of them (warmupSteps), or a share (warmupRatio), never both.
 */
public record ScheduleOptions(
        double numTrainEpochs, OptionalInt maxSteps, SchedulerType type, double warmupRatio, StepCount warmupSteps) {
    private static final int MAX_EPOCHS = 1_000_000;

    public ScheduleOptions {
        Problems problems = new Problems();
        problems.require(
                numTrainEpochs > 0 && numTrainEpochs <= MAX_EPOCHS,
                "num_train_epochs",
                "must be above 0 and at most " + MAX_EPOCHS,
                numTrainEpochs);
        maxSteps.ifPresent(steps -> problems.requirePositive("max_steps", steps));
        problems.require(warmupRatio >= 0 && warmupRatio < 1, "warmup_ratio", "must be in [0, 1)", warmupRatio);
        StepCount.requireLength(problems, "warmup_steps", warmupSteps);
        problems.refuse(
                warmupRatio > 0 && warmupSteps.value() > 0,
                "warmup_ratio (%s) and warmup_steps (%s) both say how long the warm-up is; keep one of them",
                Echo.number(warmupRatio),
                warmupSteps);
        problems.refuse(
                type == SchedulerType.CONSTANT && (warmupRatio > 0 || warmupSteps.value() > 0),
                "lr_scheduler_type constant has no warm-up, yet %s is set; write lr_scheduler_type: constant_with_warmup",
                warmupRatio > 0 ? "warmup_ratio" : "warmup_steps");
        problems.throwIfAny();
    }

    /** Warm-up steps of a run of {@code totalSteps}; a share is rounded up. */
    public int warmupStepsOf(int totalSteps) {
        return warmupRatio > 0 ? new StepCount(warmupRatio).of(totalSteps) : warmupSteps.of(totalSteps);
    }
}
