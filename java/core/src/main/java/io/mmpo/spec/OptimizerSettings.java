package io.mmpo.spec;

import static io.mmpo.spec.Require.require;

/**
 * AdamW: betas in [0, 1), epsilon > 0, weightDecay >= 0, decoupled and of matrices only. The learning rate comes per step.
 *
 * @param masterWeights whether a bfloat16 model is trained in a float32 copy of its weights; an adapter's are float32 anyway
 */
public record OptimizerSettings(
        OptimizerType type,
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay,
        Recompute recompute,
        boolean masterWeights) {
    public OptimizerSettings {
        require(type != null, "an optimizer must be given");
        require(0 <= beta1 && beta1 < 1, "adam_beta1 must be in [0, 1), got %s", beta1);
        require(0 <= beta2 && beta2 < 1, "adam_beta2 must be in [0, 1), got %s", beta2);
        require(epsilon > 0 && Double.isFinite(epsilon), "adam_epsilon must be > 0, got %s", epsilon);
        require(weightDecay >= 0 && Double.isFinite(weightDecay), "weight_decay must be >= 0, got %s", weightDecay);
        require(recompute != null, "a recompute mode must be given");
    }
}
