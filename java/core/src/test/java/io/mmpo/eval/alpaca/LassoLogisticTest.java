package io.mmpo.eval.alpaca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LassoLogisticTest {
    /** One column of ones: sum weight (p - y) = -sign(w) / C, so p = mean - sign(w) / (C n). */
    @Test
    void aConstantIsTheShrunkenMean() {
        DesignMatrix data = constant(10, 0.8);
        double w = LassoLogistic.fit(data, 0.5)[0];
        assertThat(LassoLogistic.sigmoid(w)).isCloseTo(0.8 - 1 / (0.5 * 10), within(1e-12));
    }

    @Test
    void aPenaltyThatIsLargeEnoughLeavesZero() {
        // the gradient at 0 is C n (y - 1/2) = 3 C, which must exceed 1 to move
        assertThat(LassoLogistic.fit(constant(10, 0.8), 0.33)[0]).isZero();
        assertThat(LassoLogistic.fit(constant(10, 0.8), 0.34)[0]).isPositive();
    }

    @Test
    void targetsOfOneStayFinite() {
        double w = LassoLogistic.fit(constant(100, 1), 1e4)[0];
        assertThat(LassoLogistic.sigmoid(w)).isCloseTo(1 - 1 / (1e4 * 100), within(1e-12));
    }

    /** At a minimum each coordinate's slope is -sign(w), or within [-1, 1] where w is 0. */
    @Test
    void theSlopesAreThoseOfAMinimum() {
        Random random = new Random(3);
        for (int trial = 0; trial < 20; trial++) {
            int rows = 47;
            double[][] features = new double[rows][];
            for (int row = 0; row < rows; row++) {
                features[row] = new double[] {random.nextGaussian(), 1, 3 * random.nextGaussian(), 0};
            }
            DesignMatrix data = new DesignMatrix(
                    features,
                    random.doubles(rows).toArray(),
                    random.doubles(rows, 0.1, 2).toArray());
            double c = Math.pow(10, -2 + trial % 5);
            double[] w = LassoLogistic.fit(data, c);
            for (int i = 0; i < w.length; i++) {
                double slope = 0;
                for (int row = 0; row < rows; row++) {
                    slope += c
                            * data.weights()[row]
                            * (LassoLogistic.sigmoid(data.score(row, w)) - data.targets()[row])
                            * features[row][i];
                }
                if (w[i] == 0) {
                    assertThat(Math.abs(slope)).isLessThanOrEqualTo(1 + 1e-9);
                } else {
                    assertThat(slope).isCloseTo(-Math.signum(w[i]), within(1e-6 * Math.max(1, c)));
                }
            }
            assertThat(w[3]).as("a column of zeros").isZero();
        }
    }

    private static DesignMatrix constant(int rows, double target) {
        double[][] features = new double[rows][];
        Arrays.setAll(features, row -> new double[] {1});
        double[] targets = new double[rows];
        double[] weights = new double[rows];
        Arrays.fill(targets, target);
        Arrays.fill(weights, 1);
        return new DesignMatrix(features, targets, weights);
    }
}
