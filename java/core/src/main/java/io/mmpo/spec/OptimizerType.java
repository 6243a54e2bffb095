package io.mmpo.spec;

/** How moments are kept, in mmpo_optimizer's order. */
public enum OptimizerType {
    /** Two float32 numbers an element. */
    ADAMW,
    /** 8-bit codes with a float32 scale for 256 of them; small parameters and the embedding keep float32 ones. */
    ADAMW_8BIT;
}
