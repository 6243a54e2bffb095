package io.mmpo.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Compares tensors of a file by their numbers, whatever types they are stored in, a piece at a time. */
final class TensorValues {
    private static final int PIECE = 1 << 20;

    private TensorValues() {}

    static boolean areEqual(SafetensorsReader.Entry a, SafetensorsReader.Entry b) {
        if (!Arrays.equals(a.shape(), b.shape())) {
            return false;
        }
        long count = Arrays.stream(a.shape()).reduce(1, (x, y) -> x * y);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment one = arena.allocate((long) PIECE * Float.BYTES, Float.BYTES);
            MemorySegment other = arena.allocate((long) PIECE * Float.BYTES, Float.BYTES);
            for (long first = 0; first < count; first += PIECE) {
                int piece = (int) Math.min(PIECE, count - first);
                MemorySegment ofA = read(a, first, piece, one);
                MemorySegment ofB = read(b, first, piece, other);
                boolean sameType = a.dtype().equals(b.dtype());
                for (int i = 0; !sameType && i < piece; i++) {
                    if (value(ofA, a.dtype(), i) != value(ofB, b.dtype(), i)) {
                        return false;
                    }
                }
                if (sameType && ofA.mismatch(ofB) != -1) {
                    return false;
                }
            }
            return true;
        }
    }

    private static MemorySegment read(SafetensorsReader.Entry tensor, long first, int count, MemorySegment memory) {
        long bytes = tensor.dtype().equals("F32") ? Float.BYTES : Short.BYTES;
        MemorySegment target = memory.asSlice(0, count * bytes);
        tensor.read(first * bytes, target);
        return target;
    }

    private static float value(MemorySegment data, String dtype, int index) {
        return switch (dtype) {
            case "F32" -> data.getAtIndex(ValueLayout.JAVA_FLOAT, index);
            case "BF16" -> Float.intBitsToFloat(data.getAtIndex(ValueLayout.JAVA_SHORT, index) << 16);
            default -> Float.float16ToFloat(data.getAtIndex(ValueLayout.JAVA_SHORT, index));
        };
    }
}
