package io.mmpo.config;

import java.util.OptionalInt;

/** Rows in a micro-batch, micro-batches in an optimizer step, and rows in a batch without gradients. */
public record BatchOptions(
        int trainBatchSize, int gradientAccumulationSteps, int evalBatchSize, OptionalInt precomputeRefBatchSize) {
    public BatchOptions {
        Problems problems = new Problems();
        problems.requirePositive("per_device_train_batch_size", trainBatchSize);
        problems.requirePositive("gradient_accumulation_steps", gradientAccumulationSteps);
        problems.requirePositive("per_device_eval_batch_size", evalBatchSize);
        problems.requirePositive("precompute_ref_batch_size", precomputeRefBatchSize);
        problems.throwIfAny();
    }

    /** Rows scored at a time for the reference log-probabilities of the training rows. */
    public int referenceBatchSize() {
        return precomputeRefBatchSize.orElse(trainBatchSize);
    }
}
