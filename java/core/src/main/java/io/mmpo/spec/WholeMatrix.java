package io.mmpo.spec;

/** A matrix [vocabulary, hidden] that an adapter holds whole, in place of the model's own, in the order of mmpo_whole. */
public enum WholeMatrix {
    EMBEDDING,
    HEAD,
    /** One that is both. */
    TIED;
}
