package io.mmpo.train;

import java.util.Arrays;
import java.util.List;

/** The micro-batches of one optimizer step, from 0. */
record StepBatches(int step, List<MicroBatch> microBatches) {
    int numGroups() {
        return microBatches.stream().mapToInt(MicroBatch::numGroups).sum();
    }

    long numLearntTokens() {
        return microBatches.stream().mapToLong(MicroBatch::numLearntTokens).sum();
    }

    int[] rows() {
        return microBatches.stream()
                .flatMapToInt(batch -> Arrays.stream(batch.rows()))
                .toArray();
    }
}
