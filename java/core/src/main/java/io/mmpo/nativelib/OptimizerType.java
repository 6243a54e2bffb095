package io.mmpo.nativelib;

/** How moments are kept. */
public enum OptimizerType {
    /** Two float32 numbers an element. */
    ADAMW(0),
    /** 8-bit codes with a float32 scale for 256 of them; small parameters and the embedding keep float32 ones. */
    ADAMW_8BIT(1);

    private final int code;

    OptimizerType(int code) {
        this.code = code;
    }

    /** Its mmpo_optimizer. */
    int code() {
        return code;
    }
}
