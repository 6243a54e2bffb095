package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;

/** Whether weights are numbers: one pass over them, a nanosecond a value. */
final class FiniteWeights {
    private static final int FLOAT32_EXPONENT = 0x7f800000;
    private static final int BFLOAT16_EXPONENT = 0x7f80;
    private static final int FLOAT16_EXPONENT = 0x7c00;

    private FiniteWeights() {}

    /** Before they are saved: an update after the last loss may have spoilt them, which no loss has shown. */
    static void require(List<Tensor> trained, String what) {
        broken(trained).ifPresent(tensor -> {
            throw MmpoException.training(
                    "%s was not written: %,d of the %,d values of the trained tensor %s are not finite numbers after the last update."
                            + " Checkpoints before it are unchanged; go on from one with a lower learning_rate, or begin anew with one.",
                    what, countNonFinite(tensor), tensor.numElements(), tensor.name());
        });
    }

    private static Optional<Tensor> broken(List<Tensor> weights) {
        return weights.stream().filter(tensor -> countNonFinite(tensor) > 0).findFirst();
    }

    static long countNonFinite(Tensor tensor) {
        return switch (tensor.dtype()) {
            case "F32" -> countInts(tensor.data());
            case "BF16" -> countShorts(tensor.data(), BFLOAT16_EXPONENT);
            case "F16" -> countShorts(tensor.data(), FLOAT16_EXPONENT);
            default -> throw new IllegalArgumentException(tensor.name() + " has the type " + tensor.dtype());
        };
    }

    private static long countInts(MemorySegment data) {
        long size = data.byteSize() / Integer.BYTES;
        long count = 0;
        for (long i = 0; i < size; i++) {
            int exponent = data.getAtIndex(ValueLayout.JAVA_INT, i) & FLOAT32_EXPONENT;
            count += exponent == FLOAT32_EXPONENT ? 1 : 0;
        }
        return count;
    }

    private static long countShorts(MemorySegment data, int allOnes) {
        long size = data.byteSize() / Short.BYTES;
        long count = 0;
        for (long i = 0; i < size; i++) {
            int exponent = data.getAtIndex(ValueLayout.JAVA_SHORT, i) & allOnes;
            count += exponent == allOnes ? 1 : 0;
        }
        return count;
    }
}
