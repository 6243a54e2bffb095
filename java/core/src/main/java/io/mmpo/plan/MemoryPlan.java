package io.mmpo.plan;

import io.mmpo.spec.ComputeType;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.OptimizerType;
import java.util.Optional;

/**
 * Bytes that training takes on one device, by what they are for: what native/src allocates, at the largest slice of a micro-batch.
 * The reference takes none while training, since its log-probabilities are computed before.
 *
 * @param weights in the type that is computed with, or where base_precision says so in e4m3, or frozen in the bfloat16 of their files; an
 *     adapter's copy included
 * @param masterWeights float32, of a bfloat16 model unless it is trained without (dtype: bfloat16); an adapter's own
 * @param gradients float32, of what is trained
 * @param optimizer state
 * @param tables of the rotation's angles: of twice the positions of the longest row at most
 * @param slice what is there while a slice is computed
 * @param exchange where several ranks train together: what is on its way between them
 * @param runtime of a process on the CPU; a GPU's memory has none of it
 */
public record MemoryPlan(
        long weights,
        long masterWeights,
        long gradients,
        long optimizer,
        long tables,
        SliceMemory slice,
        long exchange,
        long runtime) {
    /** masters: whether a bfloat16 model is trained in float32. */
    static MemoryPlan of(
            ModelShape shape,
            Optional<LoraSettings> lora,
            OptimizerType optimizer,
            ComputeType type,
            boolean masters,
            boolean onCpu,
            long positions,
            SliceMemory slice) {
        ParameterSizes model = ParameterSizes.ofModel(shape);
        ParameterSizes trained =
                lora.map(settings -> ParameterSizes.ofAdapter(shape, settings)).orElse(model);
        boolean bf16 = type.isBfloat16();
        boolean hasFloatCopy = bf16 && masters || lora.isPresent();
        QuantizedMemory quantized = new QuantizedMemory(shape, onCpu);
        long plain = model.elements() - (type.isOverFp8() ? quantized.elements() : 0);
        long computedCopies = plain + (bf16 && lora.isPresent() ? trained.elements() : 0);
        return new MemoryPlan(
                type.weightBytes() * computedCopies + (type.isOverFp8() ? quantized.weights() : 0),
                hasFloatCopy ? Float.BYTES * trained.elements() : 0,
                Float.BYTES * trained.elements(),
                trained.optimizerBytes(optimizer),
                2 * Float.BYTES * positions * shape.headDim(),
                slice,
                0,
                onCpu ? RuntimeMemory.bytes(shape.vocabSize()) : 0);
    }

    /** What a rank has that shares the update with others: computing takes as much as before. */
    MemoryPlan sharing(long masterWeights, long gradients, long optimizer, long exchange) {
        return new MemoryPlan(weights, masterWeights, gradients, optimizer, tables, slice, exchange, runtime);
    }

    public long total() {
        return weights + masterWeights + gradients + optimizer + tables + slice.total() + exchange + runtime;
    }
}
