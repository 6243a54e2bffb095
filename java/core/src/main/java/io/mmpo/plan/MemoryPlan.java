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
 * @param activations what backward keeps of forward
 * @param scratch what layers share: values that none keeps, and their gradients
 * @param head hidden rows of the output head and one chunk of logits
 * @param exchange where several ranks train together: what is on its way between them
 */
public record MemoryPlan(
        long weights,
        long masterWeights,
        long gradients,
        long optimizer,
        long activations,
        long scratch,
        long head,
        long exchange) {
    /** kGpuLogitBytes and kCpuLogitBytes of native/src/logprob/linear_logp.h. */
    static final long GPU_LOGIT_BYTES = 1024L << 20;

    static final long CPU_LOGIT_BYTES = 160L << 20;

    /** kGpuSliceTokens and kCpuSliceTokens of native/src/model/batch_slices.h. */
    static final int GPU_SLICE_TOKENS = 8192;

    static final int CPU_SLICE_TOKENS = 1536;

    /**
     * masters: whether a bfloat16 model is trained in float32; tokens: of the slice; headRows: those of them that predict a completion's
     * token; logitBytes: that its logits may take.
     */
    static MemoryPlan of(
            ModelShape shape,
            Optional<LoraSettings> lora,
            OptimizerType optimizer,
            boolean bf16,
            boolean masters,
            Recompute recompute,
            long tokens,
            long headRows,
            long logitBytes) {
        ParameterSizes model = ParameterSizes.ofModel(shape);
        ParameterSizes trained =
                lora.map(settings -> ParameterSizes.ofAdapter(shape, settings)).orElse(model);
        long bytes = bf16 ? Short.BYTES : Float.BYTES;
        boolean hasFloatCopy = bf16 && masters || lora.isPresent();
        long computedCopies = model.elements() + (bf16 && lora.isPresent() ? trained.elements() : 0);
        long logits = Math.min(logitBytes, headRows * shape.vocabSize() * bytes);
        return new MemoryPlan(
                bytes * computedCopies,
                hasFloatCopy ? Float.BYTES * trained.elements() : 0,
                Float.BYTES * trained.elements(),
                trained.optimizerBytes(optimizer),
                shape.numLayers() * tokens * keptPerToken(shape, lora, bytes, recompute),
                tokens * scratchPerToken(shape, lora, bytes, recompute),
                logits + 4 * headRows * shape.hiddenSize() * bytes,
                0);
    }

    /** What a rank has that shares the update with others: computing takes as much as before. */
    MemoryPlan sharing(long masterWeights, long gradients, long optimizer, long exchange) {
        return new MemoryPlan(weights, masterWeights, gradients, optimizer, activations, scratch, head, exchange);
    }

    public long total() {
        return weights + masterWeights + gradients + optimizer + activations + scratch + head + exchange;
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

    /**
     * What a layer does not keep, in memory that all of them share; gradients, and what is summed in float32: the gradients of
     * every head's keys and values, or a product's result.
     */
    private static long scratchPerToken(
            ModelShape shape, Optional<LoraSettings> lora, long bytes, Recompute recompute) {
        long hidden = shape.hiddenSize();
        long recomputed = 2 * hidden + shape.intermediateSize();
        long shared = switch (recompute) {
            case FULL ->
                bytes * (recomputed + selective(shape, lora)) + statistics(shape) + Float.BYTES * shape.numHeads();
            case SELECTIVE -> bytes * recomputed;
            case NONE -> 0;
        };
        long gradients = shape.intermediateSize() + 2 * hidden + queries(shape) + qkv(shape);
        long sums = Math.max(2 * queries(shape), shape.intermediateSize());
        return shared + bytes * (gradients + hidden) + Float.BYTES * sums;
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
