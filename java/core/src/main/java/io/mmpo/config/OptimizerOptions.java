package io.mmpo.config;

import static io.mmpo.config.ValueTypes.NUMBER;

import io.mmpo.spec.LossType;
import io.mmpo.spec.OptimizerType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** AdamW. */
public record OptimizerOptions(Settings values) {
    static final Section KEYS = new Section("Optimizer");

    private static final ConfigKey<OptimizerType> TYPE = KEYS.key(
                    "optim",
                    ValueType.oneOf(
                            List.of(OptimizerType.ADAMW, OptimizerType.ADAMW_8BIT),
                            type -> type == OptimizerType.ADAMW_8BIT ? "adamw_8bit" : "adamw_torch",
                            otherWords()))
            .unset("adamw_torch")
            .remark(OptimizerOptions::remark)
            .means(
                    "`adamw_torch`, or `adamw_8bit`: moments in 8 bits, in bitsandbytes' way. transformers' other words for AdamW are the same"
                            + " here: `adamw_torch_fused`, `adamw_torch_xla`, `adamw_torch_npu_fused`, `adamw_apex_fused`, `adamw_hf`, `adamw_bnb_8bit`,"
                            + " and `paged_adamw`, `paged_adamw_32bit` and `paged_adamw_8bit`, whose state lies in one memory, unpaged.");

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

    /** transformers' words for one of the two that say how it is computed, or where its state lies. */
    private static Map<String, OptimizerType> otherWords() {
        Map<String, OptimizerType> words = new HashMap<>();
        for (String word : List.of(
                "adamw_torch_fused",
                "adamw_torch_xla",
                "adamw_torch_npu_fused",
                "adamw_apex_fused",
                "adamw_hf",
                "paged_adamw",
                "paged_adamw_32bit")) {
            words.put(word, OptimizerType.ADAMW);
        }
        words.put("adamw_bnb_8bit", OptimizerType.ADAMW_8BIT);
        words.put("paged_adamw_8bit", OptimizerType.ADAMW_8BIT);
        return words;
    }

    private static Optional<String> remark(String word) {
        if (!word.startsWith("paged_")) {
            return Optional.empty();
        }
        String plain = word.endsWith("8bit") ? "adamw_8bit" : "adamw_torch";
        return Optional.of(
                "is %s here: the updates are the same, and the optimizer's state stays in the memory of the device, unpaged"
                        .formatted(plain));
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
