package io.mmpo.plan;

import io.mmpo.config.LossOptions;
import io.mmpo.spec.Objective;

/**
 * What decides how many numbers there are of each of the head's rows: native/src/train/head_pass.cpp.
 *
 * @param weightsAreKnown the loss's, before the log-probabilities are
 * @param squares of probabilities, which WPO reads
 * @param entropies that the gradient has a term of
 */
record HeadNumbers(boolean weightsAreKnown, boolean squares, boolean entropies) {
    /** A pair on a GPU: PairRows of native/src/loss/cuda_pairs.h. */
    private static final long PAIR_BYTES = 72;

    static HeadNumbers of(LossOptions loss) {
        Objective.Coefficients coefficients = loss.objective(1, true).coefficients();
        boolean hasEntropies = coefficients.entropyWeight() != 0;
        boolean isLinear = loss.isSft() || loss.ignoresRejected();
        return new HeadNumbers(isLinear && !hasEntropies, coefficients.weighted(), hasEntropies);
    }

    /** Log-probabilities, which stay until the slice is done. */
    long staying(SliceRows slice) {
        return Float.BYTES * slice.headRows() * (squares ? 2 : 1);
    }

    /** Sums of the softmax, and entropies. */
    long ofHead(SliceRows slice) {
        return Float.BYTES * slice.headRows() * (entropies ? 2 : 1);
    }

    /** Weights of log-probabilities and of entropies; where a GPU makes them, of its pairs. */
    long weights(SliceRows slice) {
        long pairs = weightsAreKnown || entropies ? 0 : PAIR_BYTES * slice.pairs();
        return Float.BYTES * slice.gradedHeadRows() * (entropies ? 2 : 1) + pairs;
    }
}
