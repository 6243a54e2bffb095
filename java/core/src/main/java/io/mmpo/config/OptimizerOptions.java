package io.mmpo.config;

import io.mmpo.spec.OptimizerType;

/** AdamW. weightDecay is decoupled and of matrices only; maxGradNorm 0 means no clipping. */
public record OptimizerOptions(
        OptimizerType type,
        double learningRate,
        double weightDecay,
        double beta1,
        double beta2,
        double epsilon,
        double maxGradNorm) {
    public OptimizerOptions {
        Problems problems = new Problems();
        problems.require(
                learningRate > 0 && Double.isFinite(learningRate), "learning_rate", "must be > 0", learningRate);
        problems.require(weightDecay >= 0 && Double.isFinite(weightDecay), "weight_decay", "must be >= 0", weightDecay);
        problems.require(beta1 >= 0 && beta1 < 1, "adam_beta1", "must be in [0, 1)", beta1);
        problems.require(beta2 >= 0 && beta2 < 1, "adam_beta2", "must be in [0, 1)", beta2);
        problems.require(epsilon > 0 && Double.isFinite(epsilon), "adam_epsilon", "must be > 0", epsilon);
        problems.require(
                maxGradNorm >= 0 && Double.isFinite(maxGradNorm),
                "max_grad_norm",
                "must be >= 0 (0: no clipping)",
                maxGradNorm);
        problems.throwIfAny();
    }
}
