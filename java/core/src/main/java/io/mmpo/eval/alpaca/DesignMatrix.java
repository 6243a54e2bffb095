package io.mmpo.eval.alpaca;

import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Rows of a logistic regression whose targets are probabilities.
 *
 * @param features [rows][columns]
 * @param targets [rows], in [0, 1]
 * @param weights [rows], >= 0
 */
record DesignMatrix(double[][] features, double[] targets, double[] weights) {
    int rows() {
        return targets.length;
    }

    int columns() {
        return features[0].length;
    }

    double score(int row, double[] coefficients) {
        double sum = 0;
        for (int i = 0; i < coefficients.length; i++) {
            sum += features[row][i] * coefficients[i];
        }
        return sum;
    }

    DesignMatrix where(IntPredicate isWanted) {
        int[] rows = IntStream.range(0, rows()).filter(isWanted).toArray();
        return new DesignMatrix(
                IntStream.of(rows).mapToObj(row -> features[row]).toArray(double[][]::new),
                IntStream.of(rows).mapToDouble(row -> targets[row]).toArray(),
                IntStream.of(rows).mapToDouble(row -> weights[row]).toArray());
    }
}
