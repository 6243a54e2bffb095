package io.mmpo.spec;

/** What the backward pass keeps of the forward pass, from the fastest to the smallest, in mmpo_recompute's order. */
public enum Recompute {
    /** Keeps everything. */
    NONE,
    /** Keeps the matrix products' outputs and recomputes normalised inputs and activations. */
    SELECTIVE,
    /** Keeps a layer's input and runs the layer again. */
    FULL;
}
