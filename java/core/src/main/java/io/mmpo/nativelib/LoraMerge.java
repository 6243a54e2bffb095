package io.mmpo.nativelib;

import static io.mmpo.spec.Require.require;

import io.mmpo.spec.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.List;

/** An adapted module's weight and the product of its adapter as one matrix. */
public final class LoraMerge {
    private LoraMerge() {}

    /** weight [N, K] + scaling * b [N, r] a [r, K] in 32 bits, in the arena's memory. */
    public static Tensor merge(Tensor weight, Tensor a, Tensor b, double scaling, Arena memory) {
        NativeLibrary.load();
        require(
                weight.shape().length == 2 && a.shape().length == 2 && b.shape().length == 2,
                "merging takes matrices, %s is none",
                weight.name());
        MemorySegment merged = memory.allocate(weight.numElements() * Float.BYTES, Double.BYTES);
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_lora_merge", arena, call -> {
                call.check((int) Bindings.LORA_MERGE.invokeExact(
                        Structs.tensors(List.of(weight), arena),
                        Structs.tensors(List.of(a), arena),
                        Structs.tensors(List.of(b), arena),
                        scaling,
                        merged,
                        call.error()));
                return new Tensor(weight.name(), weight.shape(), WeightType.FLOAT32.dtype(), merged);
            });
        } finally {
            Reference.reachabilityFence(List.of(weight, a, b)); // their memory may belong to the garbage collector
        }
    }
}
