package io.mmpo.nativelib;

/** Element types that weights may have; the order is mmpo_dtype's. */
enum Dtype {
    F32(4),
    BF16(2),
    F16(2);

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
            default -> throw new IllegalArgumentException("weights must be F32, BF16 or F16, got " + name);
        };
    }

    static Dtype ofCode(int code) {
        return values()[code];
    }
}
