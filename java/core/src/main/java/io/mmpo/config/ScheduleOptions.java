package io.mmpo.config;

import static io.mmpo.config.Checks.require;

import io.mmpo.MmpoException;
import java.util.OptionalInt;

/**
 * How long to train and how the learning rate moves. maxSteps overrides numTrainEpochs where present. Warm-up is a number of
 * steps or a share of them (warmupSteps), or a share (warmupRatio), never both.
 */
public record ScheduleOptions(
        double numTrainEpochs, OptionalInt maxSteps, SchedulerType type, double warmupRatio, StepCount warmupSteps) {
    public ScheduleOptions {
        require(numTrainEpochs > 0 && numTrainEpochs <= 1_000_000, "num_train_epochs", "must be > 0", numTrainEpochs);
        maxSteps.ifPresent(steps -> require(steps > 0, "max_steps", "must be > 0, or -1 for whole epochs", steps));
        require(warmupRatio >= 0 && warmupRatio < 1, "warmup_ratio", "must be in [0, 1)", warmupRatio);
        StepCount.requireLength("warmup_steps", warmupSteps);
        if (warmupRatio > 0 && warmupSteps.value() > 0) {
            throw MmpoException.configuration(
                    "warmup_ratio (%s) and warmup_steps (%s) both say how long the warm-up is; keep one of them",
                    warmupRatio, warmupSteps);
        }
        if (type == SchedulerType.CONSTANT && (warmupRatio > 0 || warmupSteps.value() > 0)) {
            throw MmpoException.configuration(
                    "lr_scheduler_type constant has no warm-up, yet %s is set; write lr_scheduler_type: constant_with_warmup",
                    warmupRatio > 0 ? "warmup_ratio" : "warmup_steps");
        }
    }

    /** Warm-up steps of a run of {@code totalSteps}; a share is rounded up. */
    public int warmupStepsOf(int totalSteps) {
        return warmupRatio > 0 ? new StepCount(warmupRatio).of(totalSteps) : warmupSteps.of(totalSteps);
    }
}
