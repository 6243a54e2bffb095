package io.mmpo.nativelib;

import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.Divergence;
import io.mmpo.spec.LoraModule;
import io.mmpo.spec.LossType;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import io.mmpo.spec.WeightType;
import io.mmpo.spec.WholeMatrix;
import java.util.Set;

/** The numbers that mmpo/types.h gives to the words of io.mmpo.spec, most of which stand in its order; a test compares all of them with the header. */
final class Codes {
    private Codes() {}

    static int of(Device device) {
        return device.ordinal();
    }

    static int of(ComputeType type) {
        return switch (type) {
            case FLOAT32 -> Dtype.F32.code();
            case BFLOAT16 -> Dtype.BF16.code();
            case BFLOAT16_OVER_FP8 -> 4;
            case FLOAT32_OVER_BFLOAT16 -> 5;
        };
    }

    static int of(WeightType type) {
        return Dtype.of(type.dtype()).code();
    }

    static int of(LossType loss) {
        return loss.ordinal();
    }

    static int of(Divergence divergence) {
        return divergence.ordinal();
    }

    static int of(OptimizerType optimizer) {
        return optimizer.ordinal();
    }

    static int of(Recompute recompute) {
        return recompute.ordinal();
    }

    static int of(LoraModule module) {
        return module.ordinal();
    }

    /** A set is the sum of its members. */
    static int of(Set<WholeMatrix> matrices) {
        return matrices.stream().mapToInt(Codes::of).sum();
    }

    static int of(WholeMatrix matrix) {
        return 1 << matrix.ordinal();
    }
}
