package io.mmpo.nativelib;

/** What the backward pass keeps of the forward pass, from the fastest to the smallest. */
public enum Recompute {
    /** Keeps everything. */
    NONE(0),
    /** Keeps the matrix products' outputs and recomputes normalised inputs and activations. */
    SELECTIVE(1),
    /** Keeps a layer's input and runs the layer again. */
    FULL(2);

    private final int code;

    Recompute(int code) {
        this.code = code;
    }

    /** Its mmpo_recompute. */
    int code() {
        return code;
    }
}
