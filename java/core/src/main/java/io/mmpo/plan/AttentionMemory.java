package io.mmpo.plan;

import io.mmpo.plan.SliceRows.Attended;
import io.mmpo.spec.ModelShape;

/**
 * Bytes that attention of one layer takes beside its arguments: native/src/kernels/varlen_attention.cpp with what flash attention asks
 * for itself, or the plain products where that does not take the heads; on a CPU native/src/kernels/attention.cpp.
 *
 * @param onCpu otherwise on a GPU
 */
record AttentionMemory(ModelShape shape, boolean bf16, boolean onCpu) {
    /** FlashAttention-2's block of queries, for which it has room behind every sequence. */
    private static final long FLASH_BLOCK = 128;

    /** The two numbers of its randomness, which nothing draws. */
    private static final long FLASH_SEEDS = 16;

    /** VarlenAttention::is_flash. */
    private boolean isFlash() {
        return bf16 && shape.headDim() % 8 == 0 && shape.headDim() <= 256;
    }

    private long bytes() {
        return bf16 ? Short.BYTES : Float.BYTES;
    }

    private long queries() {
        return shape.numHeads() * shape.headDim();
    }

    private long keysAndValues() {
        return 2 * shape.numKvHeads() * shape.headDim();
    }

    /** Keys and values are read where they are if no prompt has several completions. */
    private long gathered(Attended seen) {
        return seen.repeated() == 0 ? 0 : bytes() * seen.keyRows() * keysAndValues();
    }

    /** Of a row what attention gives: its output and the softmax's sums. On a GPU they lie where it wrote them, of one layer at a time. */
    long output() {
        return bytes() * queries() + Float.BYTES * shape.numHeads();
    }

    /** Beside its output; on a CPU nothing that were not there at other times. */
    long forward(Attended seen) {
        if (onCpu) {
            return 0;
        }
        return gathered(seen) + (isFlash() ? 0 : plainSequence(seen, 4, 1));
    }

    /**
     * On a CPU float32 gradients of every head's keys and values, in memory that a product's float32 result has at other times.
     *
     * @param prefix whether forward saw rows behind these, so that the softmax's sums are copied
     */
    long backward(Attended seen, boolean prefix) {
        if (onCpu) {
            return Float.BYTES * seen.rows() * Math.max(2 * queries(), shape.intermediateSize());
        }
        return gathered(seen) + (isFlash() ? flash(seen, prefix) : plain(seen));
    }

    /** Gradients, and the larger of what flash attention has while it makes them and what their sums over completions take. */
    private long flash(Attended seen, boolean prefix) {
        long gradients = bytes() * (seen.rows() * queries() + seen.keyRows() * keysAndValues());
        boolean isGrouped = shape.numHeads() != shape.numKvHeads();
        long ofEveryHead = isGrouped ? 2 * bytes() * seen.keyRows() * queries() : 0;
        long multiple = shape.headDim() <= 128 ? 32 : 64;
        long columns = Math.ceilDiv(shape.headDim(), multiple) * multiple;
        long sumsOfQueries =
                Float.BYTES * (seen.rows() + FLASH_BLOCK * seen.sequences()) * shape.numHeads() * (columns + 1);
        long softmaxSums = prefix ? Float.BYTES * seen.rows() * shape.numHeads() : 0;
        return softmaxSums + FLASH_SEEDS + gradients + Math.max(ofEveryHead + sumsOfQueries, sumsOverCompletions(seen));
    }

    /** Gradients of keys and values side by side, float32 sums of a row's own, and what each further completion adds. */
    private long sumsOverCompletions(Attended seen) {
        if (seen.repeated() == 0) {
            return 0;
        }
        long added = Math.max(bytes() * seen.rows(), (bytes() + Float.BYTES) * seen.oftenest());
        return keysAndValues() * (bytes() * seen.keyRows() + Float.BYTES * seen.rows() + added);
    }

    /** float32: all gradients, and of one sequence five arrays that are read, a product of them, and two squares. */
    private long plain(Attended seen) {
        long gradients = seen.rows() * queries() + seen.keyRows() * keysAndValues();
        return Float.BYTES * gradients + plainSequence(seen, 6, 2);
    }

    /** Of one sequence its heads so many times, so many squares of every head, and a byte for what a query must not see. */
    private long plainSequence(Attended seen, int times, int squares) {
        long longest = seen.longest();
        return longest * (Float.BYTES * (times * queries() + squares * shape.numHeads() * longest) + longest);
    }
}
