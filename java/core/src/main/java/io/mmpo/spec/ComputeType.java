package io.mmpo.spec;

/** Type of weights and activations while computing; log-sum-exp, sums and optimizer state are 32-bit in both. The order is mmpo_dtype's. */
public enum ComputeType {
    FLOAT32("F32", 4),
    BFLOAT16("BF16", 2);

    private final String dtype;
    private final int bytes;

    ComputeType(String dtype, int bytes) {
        this.dtype = dtype;
        this.bytes = bytes;
    }

    /** The name that safetensors files give this type. */
    public String dtype() {
        return dtype;
    }

    public int bytes() {
        return bytes;
    }
}
