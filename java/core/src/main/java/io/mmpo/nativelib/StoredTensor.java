package io.mmpo.nativelib;

import java.lang.foreign.MemorySegment;

/** A named, contiguous, row-major array that is not in memory, in the terms of {@link Tensor}. */
public interface StoredTensor {
    String name();

    long[] shape();

    /** Safetensors' name of the element type. */
    String dtype();

    /** Its bytes from an offset on, as many as target has. A failure is an exception that says what cannot be read. */
    void read(long offset, MemorySegment target);
}
