package io.mmpo.nativelib;

import static io.mmpo.spec.Require.require;

import io.mmpo.spec.ComputeType;

/**
 * How a trainer shares its work with those of other processes (ranks), all made with the same settings, which make the same calls in the
 * same order.
 *
 * @param backend the address of this process's c10d::Backend, which outlives the trainer
 * @param zeroStage 0: every rank has all gradients and the whole state of the optimizer; 1: the state of its own part; 2: and gradients
 * @param reduce when gradients are reduced over ranks
 * @param reduceType in which they are sent; they are added up in 32 bits
 * @param overlap whether they travel while the backward pass goes on; it changes no result
 * @param bucketBytes of gradients, in 32 bits, that are sent together; it changes no result
 */
public record Sharding(
        long backend, int zeroStage, Reduce reduce, ComputeType reduceType, boolean overlap, long bucketBytes) {
    /** In the order of mmpo_reduce. */
    public enum Reduce {
        /** Once an update: a rank holds the whole gradient until then. */
        STEP,
        /** Slice by slice, with zeroStage 2: a rank holds the sums of its own part. */
        MICRO_BATCH
    }

    public Sharding {
        require(backend != 0, "a rank's backend must not be null");
        require(0 <= zeroStage && zeroStage <= 2, "zero_stage must be 0, 1 or 2, got %s", zeroStage);
        require(bucketBytes > 0, "bucket_bytes must be > 0, got %s", bucketBytes);
    }
}
