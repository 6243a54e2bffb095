package io.mmpo.nativelib;

/** Type of weights and activations while computing; log-sum-exp, sums and optimizer state are 32-bit in both. */
public enum ComputeType {
    FLOAT32("F32", 4, 0),
    BFLOAT16("BF16", 2, 1);

    private final String dtype;
    private final int bytes;
    private final int code;

    ComputeType(String dtype, int bytes, int code) {
        this.dtype = dtype;
        this.bytes = bytes;
        this.code = code;
    }

    /** The name that safetensors files give this type. */
    public String dtype() {
        return dtype;
    }

    public int bytes() {
        return bytes;
    }

    /** Its mmpo_dtype. */
    int code() {
        return code;
    }
}
