package io.mmpo.config;

import java.util.List;

/** Shapes of the learning rate over training, with transformers' names (in lower case), and the arguments that each takes. */
public enum SchedulerType {
    LINEAR,
    COSINE("num_cycles"),
    COSINE_WITH_RESTARTS("num_cycles"),
    COSINE_WITH_MIN_LR("num_cycles", "min_lr", "min_lr_rate"),
    COSINE_WARMUP_WITH_MIN_LR("num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"),
    POLYNOMIAL("lr_end", "power"),
    INVERSE_SQRT("timescale"),
    WARMUP_STABLE_DECAY(
            "num_decay_steps", "num_stable_steps", "warmup_type", "decay_type", "min_lr_ratio", "num_cycles"),
    CONSTANT,
    CONSTANT_WITH_WARMUP;

    private final List<String> arguments;

    SchedulerType(String... arguments) {
        this.arguments = List.of(arguments);
    }

    /** What lr_scheduler_kwargs may hold. */
    List<String> arguments() {
        return arguments;
    }
}
