package io.mmpo;

import java.util.Optional;

/**
 * Means over rows that are not trained on.
 *
 * @param loss over the pairs (SFT: over the tokens)
 * @param pairs empty for SFT
 * @param seconds that it took
 */
public record Evaluation(
        int step,
        double epoch,
        double loss,
        Optional<PairMetrics> pairs,
        double seconds,
        double rowsPerSecond,
        double batchesPerSecond)
        implements RunMetrics {}
