package io.mmpo.nativelib;

/** Element types of weights, and U8 of optimizer state; the order is mmpo_dtype's. */
enum Dtype {
    F32(4),
    BF16(2),
    F16(2),
    U8(1);

    private final int bytes;

    Dtype(int bytes) {
        this.bytes = bytes;
    }

    int bytes() {
        return bytes;
    }

    /** Its mmpo_dtype. */
    int code() {
        return ordinal();
    }

    static Dtype of(String name) {
        return switch (name) {
            case "F32" -> F32;
            case "BF16" -> BF16;
            case "F16" -> F16;
            case "U8" -> U8;
            default -> throw new IllegalArgumentException("a tensor must be F32, BF16, F16 or U8, got " + name);
        };
    }

    static Dtype ofCode(int code) {
        return values()[code];
    }
}
