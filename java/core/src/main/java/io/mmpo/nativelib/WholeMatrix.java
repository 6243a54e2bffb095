package io.mmpo.nativelib;

/** A matrix [vocabulary, hidden] that an adapter holds whole, in place of the model's own: mmpo_whole. */
public enum WholeMatrix {
    EMBEDDING,
    HEAD,
    /** One that is both. */
    TIED;

    int code() {
        return 1 << ordinal();
    }
}
