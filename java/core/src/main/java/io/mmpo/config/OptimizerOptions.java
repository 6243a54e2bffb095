package io.mmpo.config;

import static io.mmpo.config.ValueTypes.NUMBER;

import io.mmpo.spec.LossType;
import io.mmpo.spec.OptimizerType;
import java.util.List;
import java.util.Map;

/** AdamW. */
public record OptimizerOptions(Settings values) {
    static final Section KEYS = new Section("Optimizer");

    private static final ConfigKey<OptimizerType> TYPE = KEYS.key(
                    "optim",
                    ValueType.oneOf(
                            List.of(OptimizerType.ADAMW, OptimizerType.ADAMW_8BIT),
                            type -> type == OptimizerType.ADAMW_8BIT ? "adamw_8bit" : "adamw_torch",
                            Map.of(
                                    "adamw_torch_fused", OptimizerType.ADAMW,
                                    "adamw_bnb_8bit", OptimizerType.ADAMW_8BIT)))
            .unset("adamw_torch")
            .means("`adamw_torch` (or `adamw_torch_fused`), or `adamw_8bit` (or `adamw_bnb_8bit`): moments in 8 bits.");

    static final ConfigKey<Double> LEARNING_RATE = KEYS.key("learning_rate", NUMBER)
            .unset("1e-6")
            .unset(LossType.SFT, "2e-5")
            .must(rate -> rate > 0, "must be > 0")
            .means("Highest learning rate. The paper trains MMPO with 5e-4 (135M to 1B) and 1e-4 (8B).");

    private static final ConfigKey<Double> WEIGHT_DECAY = KEYS.key("weight_decay", NUMBER)
            .unset("0.0")
            .must(decay -> decay >= 0, "must be >= 0")
            .means("Decoupled weight decay, of matrices only.");

    private static final ConfigKey<Double> BETA1 = KEYS.key("adam_beta1", NUMBER)
            .unset("0.9")
            .must(beta -> beta >= 0 && beta < 1, "must be in [0, 1)")
            .means("AdamW: decay of the first moment.");

    private static final ConfigKey<Double> BETA2 = KEYS.key("adam_beta2", NUMBER)
            .unset("0.999")
            .must(beta -> beta >= 0 && beta < 1, "must be in [0, 1)")
            .means("AdamW: decay of the second moment.");

    private static final ConfigKey<Double> EPSILON = KEYS.key("adam_epsilon", NUMBER)
            .unset("1e-8")
            .must(epsilon -> epsilon > 0, "must be > 0")
            .means("AdamW: added to the denominator.");

    private static final ConfigKey<Double> MAX_GRAD_NORM = KEYS.key("max_grad_norm", NUMBER.orWhenNull(0.0))
            .unset("1.0")
            .must(norm -> norm >= 0, "must be >= 0 (0: no clipping)")
            .means("Norm that a gradient is clipped to; 0 or `null`: no clipping.");

    public OptimizerOptions {
        values = values.of(KEYS);
    }

    public OptimizerType type() {
        return values.get(TYPE);
    }

    public double learningRate() {
        return values.get(LEARNING_RATE);
    }

    /** Decoupled, and of matrices only. */
    public double weightDecay() {
        return values.get(WEIGHT_DECAY);
    }

    public double beta1() {
        return values.get(BETA1);
    }

    public double beta2() {
        return values.get(BETA2);
    }

    public double epsilon() {
        return values.get(EPSILON);
    }

    /** 0: no clipping. */
    public double maxGradNorm() {
        return values.get(MAX_GRAD_NORM);
    }
}
