package io.mmpo.spec;

import java.util.Arrays;
import java.util.Optional;

/** Types that a model's files may hold weights in. */
public enum WeightType {
    FLOAT32("F32", "float32", 4),
    BFLOAT16("BF16", "bfloat16", 2),
    FLOAT16("F16", "float16", 2);

    private final String dtype;
    private final String key;
    private final int bytes;

    WeightType(String dtype, String key, int bytes) {
        this.dtype = dtype;
        this.key = key;
        this.bytes = bytes;
    }

    /** The name that safetensors files give this type. */
    public String dtype() {
        return dtype;
    }

    /** PyTorch's name, which configurations use. */
    public String key() {
        return key;
    }

    public int bytes() {
        return bytes;
    }

    /** Of safetensors' name. */
    public static Optional<WeightType> ofDtype(String dtype) {
        return Arrays.stream(values()).filter(type -> type.dtype.equals(dtype)).findFirst();
    }

    /** Whether it has every number of the other type. */
    public boolean holds(WeightType other) {
        return this == other || this == FLOAT32;
    }

    /** As {@link #key}. */
    @Override
    public String toString() {
        return key;
    }
}
