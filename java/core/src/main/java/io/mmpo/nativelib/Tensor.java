package io.mmpo.nativelib;

import static io.mmpo.spec.Require.require;

import java.lang.foreign.MemorySegment;

/**
 * A named, contiguous, row-major array in native memory. Whoever hands one out says how long its data lives; access after
 * that is an IllegalStateException.
 *
 * @param name Hugging Face's parameter name
 * @param dtype safetensors' name of the element type: "F32", "BF16", "F16"; "U8" in optimizer state
 */
public record Tensor(String name, long[] shape, String dtype, MemorySegment data) {
    public Tensor {
        require(data.isNative(), "tensor %s must lie in native memory, its data is on the Java heap", name);
        long bytes = Dtype.of(dtype).bytes();
        for (long size : shape) {
            require(size >= 0, "tensor %s has a negative size in its shape", name);
            bytes = Math.multiplyExact(bytes, size);
        }
        require(data.byteSize() == bytes, "tensor %s needs %d bytes, got %d", name, bytes, data.byteSize());
        shape = shape.clone();
    }

    public long numElements() {
        return data.byteSize() / bytesPerElement();
    }

    public int bytesPerElement() {
        return bytesPerElement(dtype);
    }

    /** dtype: safetensors' name of one of these types. */
    public static int bytesPerElement(String dtype) {
        return Dtype.of(dtype).bytes();
    }
}
