package io.mmpo.train;

import java.util.Arrays;
import java.util.List;

/**
 * The micro-batches of one optimizer step.
 *
 * @param step from 0
 * @param microBatches of several ranks this one's rows of each
 * @param numGroups of all ranks
 * @param numLearntTokens of completions, of all ranks
 */
record StepBatches(int step, List<MicroBatch> microBatches, int numGroups, long numLearntTokens) {
    int[] rows() {
        return microBatches.stream()
                .flatMapToInt(batch -> Arrays.stream(batch.rows()))
                .toArray();
    }
}
