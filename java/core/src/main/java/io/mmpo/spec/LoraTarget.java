package io.mmpo.spec;

import static io.mmpo.spec.Require.require;

/**
 * An adapted module of one layer.
 *
 * @param layer from 0
 * @param rank r
 * @param scaling alpha / r, or alpha / sqrt(r) where PEFT's use_rslora is set
 */
public record LoraTarget(long layer, LoraModule module, int rank, double scaling) {
    public LoraTarget {
        require(layer >= 0, "an adapter's layer must be >= 0, got %d", layer);
        require(
                1 <= rank && rank <= LoraSettings.MAX_RANK,
                "the rank r of an adapter must be in [1, %d], got %d",
                LoraSettings.MAX_RANK,
                rank);
        require(scaling > 0 && Double.isFinite(scaling), "an adapter's scaling must be > 0, got %s", scaling);
    }

    /** Elements of its A and of its B. */
    public long inputElements(ModelShape shape) {
        return Math.multiplyExact(rank, module.inputs(shape));
    }

    public long outputElements(ModelShape shape) {
        return Math.multiplyExact(rank, module.outputs(shape));
    }
}
