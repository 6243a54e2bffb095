package io.mmpo.nativelib;

import static io.mmpo.spec.Require.require;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mmpo.spec.WeightFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.List;

/**
 * Weights as a file has them, and what the rounding cost.
 *
 * @param weights in the memory of the arena that they were rounded to
 */
public record Rounded(Tensor weights, RoundingLoss loss) {
    /**
     * @param start the same tensor before it was trained, of any float type
     * @throws NativeException with status NON_FINITE where a number is too large for the type
     */
    public static Rounded of(WeightFormat format, Tensor trained, Tensor start, Arena memory) {
        NativeLibrary.load();
        require(
                Arrays.equals(trained.shape(), start.shape()),
                "%s has another shape than before training",
                trained.name());
        MemorySegment rounded =
                memory.allocate(trained.numElements() * format.type().bytes(), Double.BYTES);
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_round", arena, call -> {
                MemorySegment loss = arena.allocate(Layouts.ROUNDING);
                call.check((int) Bindings.ROUND.invokeExact(
                        Structs.tensors(List.of(flat(trained)), arena),
                        Structs.tensors(List.of(flat(start)), arena),
                        Codes.of(format.type()),
                        format.stochastic() ? 1 : 0,
                        format.seed(),
                        rounded,
                        loss,
                        call.error()));
                return new Rounded(
                        new Tensor(
                                trained.name(), trained.shape(), format.type().dtype(), rounded),
                        read(loss));
            });
        } finally {
            Reference.reachabilityFence(List.of(trained, start)); // their memory may belong to the garbage collector
        }
    }

    /** The core's tensors have one or two dimensions, files' any number. */
    private static Tensor flat(Tensor weights) {
        return new Tensor(weights.name(), new long[] {weights.numElements()}, weights.dtype(), weights.data());
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
