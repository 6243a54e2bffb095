package io.mmpo.eval.alpaca;

import io.mmpo.MmpoException;
import java.util.stream.IntStream;

/** Chooses C of a {@link LassoLogistic} by cross-validation, as scikit-learn's LogisticRegressionCV does with its defaults. */
final class PenaltySearch {
    private static final int FOLDS = 5;
    private static final double SMALLEST = 1e-4;
    private static final double LARGEST = 1e4;
    private static final int VALUES = 10;
    /** Keeps the logarithm of a probability of 0 finite. */
    private static final double CLIP = 1e-15;

    private PenaltySearch() {}

    /** The C with the least weighted log-loss on rows that were held out, the smallest of equal ones. */
    static double choose(DesignMatrix data) {
        if (data.rows() < FOLDS) {
            throw MmpoException.data(
                    "A length-controlled win-rate needs at least %d verdicts, one for each fold of its cross-validation, found %d.",
                    FOLDS, data.rows());
        }
        double[] losses = new double[VALUES];
        for (int fold = 0; fold < FOLDS; fold++) {
            int held = fold;
            DesignMatrix train = data.where(row -> fold(row, data.rows()) != held);
            DesignMatrix test = data.where(row -> fold(row, data.rows()) == held);
            for (int i = 0; i < VALUES; i++) {
                losses[i] += loss(test, LassoLogistic.fit(train, value(i)));
            }
        }
        int best = IntStream.range(0, VALUES)
                .reduce((a, b) -> losses[b] < losses[a] ? b : a)
                .orElseThrow();
        return value(best);
    }

    /** Rows are dealt from the last one on. scikit-learn deals in an order that NumPy's sort leaves open between groups of one size. */
    private static int fold(int row, int rows) {
        return (rows - 1 - row) % FOLDS;
    }

    static double value(int i) {
        double from = Math.log10(SMALLEST);
        double to = Math.log10(LARGEST);
        return Math.pow(10, from + i * (to - from) / (VALUES - 1));
    }

    private static double loss(DesignMatrix test, double[] coefficients) {
        double sum = 0;
        for (int row = 0; row < test.rows(); row++) {
            double p = LassoLogistic.sigmoid(test.score(row, coefficients));
            double clipped = Math.clamp(p, CLIP, 1 - CLIP);
            double target = test.targets()[row];
            sum -= test.weights()[row] * (target * Math.log(clipped) + (1 - target) * Math.log(1 - clipped));
        }
        return sum / test.rows();
    }
}
