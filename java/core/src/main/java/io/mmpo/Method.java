package io.mmpo;

import java.util.LinkedHashMap;
import java.util.Map;

/** How a model is tuned; docs/losses.md has the equations. Constants are checked when a run begins. */
public sealed interface Method {
    /** The configuration's keys. */
    Map<String, Object> keys();

    /** MMPO with the MMPO paper's constants. */
    static Mmpo mmpo() {
        return new Mmpo(0.01, 0.9, 1);
    }

    /** DPO with β = 0.1. */
    static Dpo dpo() {
        return new Dpo(0.1, 0);
    }

    /** SimPO on means over tokens, as its authors have it. */
    static SimPo simPo() {
        return new SimPo(0.1, 0.5, true);
    }

    static Sft sft() {
        return new Sft();
    }

    /** Another loss of pairs by its name: ipo, orpo, cpo, apo_zero, say. */
    static Named named(String lossType) {
        return new Named(lossType, Map.of());
    }

    /**
     * Marginal likelihood of the preferred response.
     *
     * @param beta weight of the reference in the reward, above 0
     * @param rewardEpsilon constant of the chosen response's reward, at least 0
     * @param auxWeight weight of the term -log sigmoid(s_w - s_l), at least 0; 1 in the paper
     */
    record Mmpo(double beta, double rewardEpsilon, double auxWeight) implements Method {
        @Override
        public Map<String, Object> keys() {
            return Map.of(
                    "loss_type",
                    "mmpo",
                    "beta",
                    beta,
                    "mmpo_reward_epsilon",
                    rewardEpsilon,
                    "mmpo_aux_weight",
                    auxWeight);
        }
    }

    /**
     * Direct preference optimization.
     *
     * @param beta inverse temperature, above 0
     * @param labelSmoothing probability that a label is flipped, below 0.5
     */
    record Dpo(double beta, double labelSmoothing) implements Method {
        @Override
        public Map<String, Object> keys() {
            return Map.of("loss_type", "dpo", "beta", beta, "label_smoothing", labelSmoothing);
        }
    }

    /**
     * SimPO, which needs no reference model.
     *
     * @param beta inverse temperature, above 0
     * @param gamma target margin
     * @param lengthNormalize whether log-probabilities are means over tokens; else sums, which the MMPO paper compares with
     */
    record SimPo(double beta, double gamma, boolean lengthNormalize) implements Method {
        @Override
        public Map<String, Object> keys() {
            return Map.of(
                    "loss_type", "simpo", "beta", beta, "simpo_gamma", gamma, "length_normalize", lengthNormalize);
        }
    }

    /** Supervised fine-tuning on demonstrations. */
    record Sft() implements Method {
        @Override
        public Map<String, Object> keys() {
            return Map.of("loss_type", "sft");
        }
    }

    /**
     * A loss of pairs by its name in a configuration.
     *
     * @param constants by the configuration's keys; the others are as if unset
     */
    record Named(String lossType, Map<String, Object> constants) implements Method {
        public Named {
            constants = Map.copyOf(constants);
        }

        @Override
        public Map<String, Object> keys() {
            Map<String, Object> keys = new LinkedHashMap<>(constants);
            keys.put("loss_type", lossType);
            return keys;
        }
    }
}
