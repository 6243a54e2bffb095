package io.mmpo.nativelib;

/** What is minimised; docs/losses.md has the equations. */
public enum LossType {
    MMPO(0),
    DPO(1),
    SIMPO(2),
    SFT(3);

    private final int code;

    LossType(int code) {
        this.code = code;
    }

    /** Its mmpo_loss. */
    int code() {
        return code;
    }
}
