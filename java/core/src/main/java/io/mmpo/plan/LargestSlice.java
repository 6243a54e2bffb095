package io.mmpo.plan;

import io.mmpo.spec.ModelShape;

/**
 * The slice of a micro-batch that takes the most memory: as many of the longest rows as are computed at a time.
 *
 * @param tokens that have a row of activations: a prompt's are shared by its completions
 * @param headRows those of them that predict a completion's token
 * @param sequences that attention sees on a GPU: a prompt with one completion
 * @param longest tokens of such a sequence
 */
record LargestSlice(boolean onCpu, long tokens, long headRows, long sequences, long longest) {
    /** kGpuLogitBytes and kCpuLogitBytes of native/src/logprob/linear_logp.h. */
    static final long GPU_LOGIT_BYTES = 1024L << 20;

    static final long CPU_LOGIT_BYTES = 160L << 20;

    /** kGpuSliceTokens and kCpuSliceTokens of native/src/model/batch_slices.h. */
    static final int GPU_SLICE_TOKENS = 8192;

    static final int CPU_SLICE_TOKENS = 1536;

    /** FlashAttention-2's block of queries, for which it has room behind every sequence. */
    private static final long FLASH_BLOCK = 128;

    static LargestSlice of(boolean onCpu, LongestPair pair, int microBatch) {
        long most = Math.max(onCpu ? CPU_SLICE_TOKENS : GPU_SLICE_TOKENS, pair.tokens());
        long tokens = Math.min(microBatch * pair.tokens(), most);
        long headRows = Math.min((long) microBatch * pair.completions() * pair.completion(), tokens);
        long sequences = Math.ceilDiv(tokens, pair.tokens()) * pair.completions();
        return new LargestSlice(onCpu, tokens, headRows, sequences, pair.prompt() + pair.completion());
    }

    long logitBytes(ModelShape shape, boolean bf16) {
        long bytes = bf16 ? Short.BYTES : Float.BYTES;
        return Math.min(onCpu ? CPU_LOGIT_BYTES : GPU_LOGIT_BYTES, headRows * shape.vocabSize() * bytes);
    }

    /**
     * Of attention's backward pass, beside its arguments and what it writes. On the CPU float32 gradients of every head's keys and
     * values, in memory that a product's float32 result has at other times.
     */
    long attentionBytes(ModelShape shape, boolean bf16) {
        long queries = shape.numHeads() * shape.headDim();
        if (onCpu) {
            return Float.BYTES * tokens * Math.max(2 * queries, shape.intermediateSize());
        }
        return isFlash(shape, bf16) ? flashBytes(shape) : plainBytes(shape, bf16);
    }

    /** VarlenAttention::is_flash of native/src/kernels/varlen_attention.h. */
    private static boolean isFlash(ModelShape shape, boolean bf16) {
        return bf16 && shape.headDim() % 8 == 0 && shape.headDim() <= 256;
    }

    /** Gathered keys and values, gradients of queries, keys and values, those of every head, and float32 sums of the queries'. */
    private long flashBytes(ModelShape shape) {
        long queries = shape.numHeads() * shape.headDim();
        boolean isGrouped = shape.numHeads() != shape.numKvHeads();
        long multiple = shape.headDim() <= 128 ? 32 : 64;
        long columns = Math.ceilDiv(shape.headDim(), multiple) * multiple;
        long ofKeys = gatheredColumns(shape) + keysAndValues(shape) + (isGrouped ? 2 * queries : 0);
        return Short.BYTES * (tokens * queries + keyRows() * ofKeys)
                + Float.BYTES * (tokens + FLASH_BLOCK * sequences) * shape.numHeads() * (columns + 1);
    }

    /** float32: all gradients, and of one sequence its heads and two squares of every head. */
    private long plainBytes(ModelShape shape, boolean bf16) {
        long queries = shape.numHeads() * shape.headDim();
        long gathered = (bf16 ? Short.BYTES : Float.BYTES) * keyRows() * gatheredColumns(shape);
        long gradients = tokens * queries + keyRows() * keysAndValues(shape);
        long ofSequence = longest * (5 * queries + 2 * shape.numHeads() * longest);
        return gathered + Float.BYTES * (gradients + ofSequence);
    }

    private static long keysAndValues(ModelShape shape) {
        return 2 * shape.numKvHeads() * shape.headDim();
    }

    /** Rows of keys: a prompt's as often as it has completions. */
    private long keyRows() {
        return sequences * longest;
    }

    /** Keys and values are read where they are if no prompt has several completions. */
    private long gatheredColumns(ModelShape shape) {
        return keyRows() > tokens ? keysAndValues(shape) : 0;
    }
}
