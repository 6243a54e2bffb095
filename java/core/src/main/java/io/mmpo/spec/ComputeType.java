package io.mmpo.spec;

import java.util.List;

/** Type of weights and activations while computing; log-sum-exp, sums and optimizer state are 32-bit in all. */
public enum ComputeType {
    FLOAT32("float32", 4),
    BFLOAT16("bfloat16", 2),
    /** In bfloat16, and the matrices of the layers' projections frozen in eight bits, as e4m3 with a scale for each row. */
    BFLOAT16_OVER_FP8("bfloat16 over fp8", 2),
    /**
     * In float32, and all weights frozen in bfloat16 as their files have them, on the CPU: half the memory, and to the bit what {@link #FLOAT32}
     * computes, so that it has its name. A model's files decide it, and nobody asks for it.
     */
    FLOAT32_OVER_BFLOAT16("float32", 4);

    /** Those in which all of a model is of one type. */
    public static final List<ComputeType> PLAIN = List.of(FLOAT32, BFLOAT16);

    private final String words;
    private final int bytes;

    ComputeType(String words, int bytes) {
        this.words = words;
        this.bytes = bytes;
    }

    /** overFp8: which is over bfloat16. */
    public static ComputeType of(boolean bf16, boolean overFp8) {
        if (overFp8) {
            return BFLOAT16_OVER_FP8;
        }
        return bf16 ? BFLOAT16 : FLOAT32;
    }

    /** The same where the weights are frozen. storedInBfloat16: all of them, in their files. */
    public ComputeType frozen(Device device, boolean storedInBfloat16) {
        return this == FLOAT32 && device == Device.CPU && storedInBfloat16 ? FLOAT32_OVER_BFLOAT16 : this;
    }

    /** As people and names of caches have it. */
    public String words() {
        return words;
    }

    /** Of an activation. */
    public int bytes() {
        return bytes;
    }

    /** Of a weight that is not in eight bits. */
    public int weightBytes() {
        return this == FLOAT32_OVER_BFLOAT16 ? Short.BYTES : bytes;
    }

    /** In what the weights are, as people have it. */
    public String weightWords() {
        return this == FLOAT32_OVER_BFLOAT16 ? "bfloat16 as stored" : words;
    }

    public boolean isBfloat16() {
        return this == BFLOAT16 || isOverFp8();
    }

    /** Whether the projections are frozen in eight bits. */
    public boolean isOverFp8() {
        return this == BFLOAT16_OVER_FP8;
    }
}
