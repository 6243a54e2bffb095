package io.mmpo.plan;

import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import java.util.Optional;

/**
 * Bytes that training takes on one device, by what they are for: what native/src allocates, at the longest slice of a micro-batch
 * of the longest rows. The reference takes none while training, since its log-probabilities are computed before.
 *
 * @param weights in the type that is computed with; an adapter's copy in it included
 * @param masterWeights float32, of a bfloat16 model unless it is trained without (dtype: bfloat16); an adapter's own
 * @param gradients float32, of what is trained
 * @param optimizer state
 * @param activations what backward keeps of forward, the head's input included
 * @param shared what layers share: values that none keeps
 * @param passing the larger of two that never lie there together: one chunk of logits, and the gradients that a layer's backward
 *     pass makes
 * @param exchange where several ranks train together: what is on its way between them
 * @param runtime of a process on the CPU; a GPU's memory has none of it
 */
public record MemoryPlan(
        long weights,
        long masterWeights,
        long gradients,
        long optimizer,
        long activations,
        long shared,
        long passing,
        long exchange,
        long runtime) {
    /** masters: whether a bfloat16 model is trained in float32. */
    static MemoryPlan of(
            ModelShape shape,
            Optional<LoraSettings> lora,
            OptimizerType optimizer,
            boolean bf16,
            boolean masters,
            Recompute recompute,
            LargestSlice slice) {
        ParameterSizes model = ParameterSizes.ofModel(shape);
        ParameterSizes trained =
                lora.map(settings -> ParameterSizes.ofAdapter(shape, settings)).orElse(model);
        long bytes = bf16 ? Short.BYTES : Float.BYTES;
        boolean hasFloatCopy = bf16 && masters || lora.isPresent();
        long computedCopies = model.elements() + (bf16 && lora.isPresent() ? trained.elements() : 0);
        long headRows = bytes * slice.headRows() * shape.hiddenSize();
        return new MemoryPlan(
                bytes * computedCopies,
                hasFloatCopy ? Float.BYTES * trained.elements() : 0,
                Float.BYTES * trained.elements(),
                trained.optimizerBytes(optimizer),
                shape.numLayers() * slice.tokens() * keptPerToken(shape, lora, bytes, recompute) + 2 * headRows,
                slice.tokens() * sharedPerToken(shape, lora, bytes, recompute, slice.onCpu()),
                Math.max(slice.logitBytes(shape, bf16) + headRows, passingBytes(shape, bf16, slice)),
                0,
                slice.onCpu() ? RuntimeMemory.bytes(shape.vocabSize()) : 0);
    }

    /** What a rank has that shares the update with others: computing takes as much as before. */
    MemoryPlan sharing(long masterWeights, long gradients, long optimizer, long exchange) {
        return new MemoryPlan(
                weights, masterWeights, gradients, optimizer, activations, shared, passing, exchange, runtime);
    }

    public long total() {
        return weights + masterWeights + gradients + optimizer + activations + shared + passing + exchange + runtime;
    }

    /** Decoder::allocate_products and allocate_recomputed of every layer, and its input. */
    private static long keptPerToken(ModelShape shape, Optional<LoraSettings> lora, long bytes, Recompute recompute) {
        long hidden = shape.hiddenSize();
        long selective = selective(shape, lora);
        return switch (recompute) {
            case FULL -> bytes * hidden;
            case SELECTIVE -> bytes * (hidden + selective) + statistics(shape);
            case NONE -> bytes * (hidden + selective + 2 * hidden + shape.intermediateSize()) + statistics(shape);
        };
    }

    /** What a layer does not keep, in memory that all of them share: on the CPU the softmax's sums twice, for the graded rows alone. */
    private static long sharedPerToken(
            ModelShape shape, Optional<LoraSettings> lora, long bytes, Recompute recompute, boolean onCpu) {
        long recomputed = 2 * shape.hiddenSize() + shape.intermediateSize();
        return switch (recompute) {
            case FULL ->
                bytes * (recomputed + selective(shape, lora))
                        + statistics(shape)
                        + (onCpu ? Float.BYTES * shape.numHeads() : 0);
            case SELECTIVE -> bytes * recomputed;
            case NONE -> 0;
        };
    }

    /**
     * Of a layer's backward pass: the gradient of the residual stream, Decoder::GradientScratch, and what attention makes. On the CPU
     * memory is given back in the order in which it was taken, so the last layer's output and the head's gradients are still there.
     */
    private static long passingBytes(ModelShape shape, boolean bf16, LargestSlice slice) {
        long bytes = bf16 ? Short.BYTES : Float.BYTES;
        long hidden = shape.hiddenSize();
        long gradients = shape.intermediateSize() + 2 * hidden + queries(shape) + qkv(shape);
        long stillThere = slice.onCpu() ? hidden * (slice.tokens() + 2 * slice.headRows()) : 0;
        return bytes * (slice.tokens() * gradients + stillThere) + slice.attentionBytes(shape, bf16);
    }

    /** What selective recomputation keeps of a token and layer, in elements. */
    private static long selective(ModelShape shape, Optional<LoraSettings> lora) {
        return qkv(shape)
                + normedHeads(shape)
                + queries(shape)
                + shape.hiddenSize()
                + 2 * shape.intermediateSize()
                + low(lora);
    }

    private static long queries(ModelShape shape) {
        return shape.numHeads() * shape.headDim();
    }

    private static long qkv(ModelShape shape) {
        return queries(shape) + 2 * shape.numKvHeads() * shape.headDim();
    }

    /** Queries and keys once more, as they were before their norms. */
    private static long normedHeads(ModelShape shape) {
        return shape.attention().normsHeads() ? (shape.numHeads() + shape.numKvHeads()) * shape.headDim() : 0;
    }

    /** Columns of x A^T of the layer with the largest adapter. */
    private static long low(Optional<LoraSettings> lora) {
        return lora.map(LoraSettings::lowColumns).orElse(0L);
    }

    /** float32 of a token: of two norms, of every head's softmax, and of the norms of queries and keys. */
    private static long statistics(ModelShape shape) {
        long headNorms = shape.attention().normsHeads() ? shape.numHeads() + shape.numKvHeads() : 0;
        return Float.BYTES * (2 + shape.numHeads() + headNorms);
    }
}
