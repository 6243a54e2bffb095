package io.mmpo.nativelib;

import static io.mmpo.nativelib.Require.require;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.List;

/**
 * How weights become those of a file.
 *
 * @param stochastic whether a number between two of the type becomes either, with the probability that makes it their mean, rather
 *     than the nearer one
 * @param seed of that draw, which is also a function of the tensor's name and of the place in it
 */
public record WeightFormat(WeightType type, boolean stochastic, long seed) {
    /** weights: in the arena's memory. */
    public record Rounded(Weights weights, RoundingLoss loss) {}

    public static WeightFormat nearest(WeightType type) {
        return new WeightFormat(type, false, 0);
    }

    /**
     * @param start the same tensor before it was trained, of any float type
     * @throws NativeException with status NON_FINITE where a number is too large for the type
     */
    public Rounded round(Weights trained, Weights start, Arena memory) {
        NativeLibrary.load();
        require(
                Arrays.equals(trained.shape(), start.shape()),
                "%s has another shape than before training",
                trained.name());
        MemorySegment rounded = memory.allocate(trained.numElements() * type.bytes(), Double.BYTES);
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_round", arena, call -> {
                MemorySegment loss = arena.allocate(Layouts.ROUNDING);
                call.check((int) Bindings.ROUND.invokeExact(
                        Structs.tensors(List.of(flat(trained)), arena),
                        Structs.tensors(List.of(flat(start)), arena),
                        Dtype.of(type.dtype()).code(),
                        stochastic ? 1 : 0,
                        seed,
                        rounded,
                        loss,
                        call.error()));
                return new Rounded(new Weights(trained.name(), trained.shape(), type.dtype(), rounded), read(loss));
            });
        } finally {
            Reference.reachabilityFence(List.of(trained, start)); // their memory may belong to the garbage collector
        }
    }

    /** The core's tensors have one or two dimensions, files' any number. */
    private static Weights flat(Weights weights) {
        return new Weights(weights.name(), new long[] {weights.numElements()}, weights.dtype(), weights.data());
    }

    private static RoundingLoss read(MemorySegment loss) {
        return new RoundingLoss(
                number(loss, "num_weights"),
                number(loss, "num_moved"),
                number(loss, "num_kept"),
                loss.get(JAVA_DOUBLE, Layouts.offset(Layouts.ROUNDING, "update_squares")),
                loss.get(JAVA_DOUBLE, Layouts.offset(Layouts.ROUNDING, "rounded_squares")));
    }

    private static long number(MemorySegment loss, String field) {
        return loss.get(JAVA_LONG, Layouts.offset(Layouts.ROUNDING, field));
    }
}
