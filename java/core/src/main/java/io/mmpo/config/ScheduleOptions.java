package io.mmpo.config;

import static io.mmpo.config.ValueTypes.INTEGER;
import static io.mmpo.config.ValueTypes.NUMBER;
import static io.mmpo.config.ValueTypes.STEPS;

import java.util.OptionalInt;

/** How long to train and how the learning rate moves. */
public record ScheduleOptions(Settings values) {
    static final Section KEYS = new Section("Length and learning rate", ScheduleOptions::check);

    private static final int MAX_EPOCHS = 1_000_000;

    private static final ConfigKey<Double> NUM_TRAIN_EPOCHS = KEYS.key("num_train_epochs", NUMBER)
            .unset("3.0")
            .must(epochs -> epochs > 0 && epochs <= MAX_EPOCHS, "must be above 0 and at most " + MAX_EPOCHS)
            .means("Passes over the rows; may be a fraction.");

    private static final ConfigKey<OptionalInt> MAX_STEPS = KEYS.key(
                    "max_steps",
                    INTEGER.as(
                            steps -> steps <= 0 ? OptionalInt.empty() : OptionalInt.of(steps),
                            (OptionalInt steps) -> steps.orElse(-1)))
            .unset("-1")
            .means("Optimizer steps; 0 or less: as num_train_epochs says.");

    private static final ConfigKey<SchedulerType> TYPE = KEYS.key(
                    "lr_scheduler_type", ValueType.oneOf(SchedulerType.class))
            .unset("linear")
            .means(
                    "`linear`, `cosine`, `cosine_with_restarts`, `cosine_with_min_lr`, `cosine_warmup_with_min_lr`, `polynomial`, `inverse_sqrt`,"
                            + " `warmup_stable_decay`, `constant` or `constant_with_warmup`, as transformers has them.");

    private static final ConfigKey<SchedulerArguments> ARGUMENTS = KEYS.key(
                    "lr_scheduler_kwargs", SchedulerArguments.TYPE)
            .means(
                    "Arguments of the schedule, by transformers' names: `num_cycles` (of the cosines and warmup_stable_decay); `min_lr` or"
                            + " `min_lr_rate`, and `warmup_lr_rate`; `lr_end` and `power` (polynomial); `timescale` (inverse_sqrt); `num_decay_steps`,"
                            + " `num_stable_steps`, `warmup_type`, `decay_type` and `min_lr_ratio` (warmup_stable_decay).");

    private static final ConfigKey<Double> WARMUP_RATIO = KEYS.key("warmup_ratio", NUMBER)
            .unset("0.0")
            .must(ratio -> ratio >= 0 && ratio < 1, "must be in [0, 1)")
            .means("Share of the steps in which the learning rate rises from 0.");

    private static final ConfigKey<StepCount> WARMUP_STEPS = KEYS.key("warmup_steps", STEPS)
            .unset("0")
            .must(StepCount::isLength, StepCount.LENGTH_WANTED)
            .means("The same as a number of steps; below 1: a share.");

    public ScheduleOptions {
        values = values.of(KEYS);
    }

    private static void check(Settings v, Problems problems) {
        boolean hasRatio = v.get(WARMUP_RATIO) > 0;
        boolean hasSteps = v.get(WARMUP_STEPS).value() > 0;
        problems.refuse(
                hasRatio && hasSteps,
                WARMUP_RATIO,
                "(%s) and warmup_steps (%s) both say how long the warm-up is; keep one of them",
                Echo.number(v.get(WARMUP_RATIO)),
                v.get(WARMUP_STEPS));
        problems.refuse(
                v.get(TYPE) == SchedulerType.CONSTANT && (hasRatio || hasSteps),
                TYPE,
                "constant has no warm-up, yet %s is set; write lr_scheduler_type: constant_with_warmup",
                hasRatio ? "warmup_ratio" : "warmup_steps");
        v.get(ARGUMENTS).check(v.get(TYPE), v.get(OptimizerOptions.LEARNING_RATE), ARGUMENTS, problems);
    }

    public double numTrainEpochs() {
        return values.get(NUM_TRAIN_EPOCHS);
    }

    /** Overrides numTrainEpochs where present. */
    public OptionalInt maxSteps() {
        return values.get(MAX_STEPS);
    }

    public SchedulerType type() {
        return values.get(TYPE);
    }

    public SchedulerArguments arguments() {
        return values.get(ARGUMENTS);
    }

    /** Warm-up steps of a run of {@code totalSteps}; a share is rounded up. */
    public int warmupStepsOf(int totalSteps) {
        double ratio = values.get(WARMUP_RATIO);
        return (ratio > 0 ? new StepCount(ratio) : values.get(WARMUP_STEPS)).of(totalSteps);
    }
}
