package io.mmpo.spec;

import java.util.Arrays;

/**
 * The mean of a sample.
 *
 * @param value NaN of no values
 * @param standardDeviation of the values, with n - 1 in the denominator; NaN of fewer than two
 * @param standardError of the mean; NaN of fewer than two
 */
public record SampleMean(double value, double standardDeviation, double standardError) {
    public static SampleMean of(double[] values) {
        double mean = Arrays.stream(values).sum() / values.length;
        double squares = Arrays.stream(values)
                .map(value -> (value - mean) * (value - mean))
                .sum();
        double deviation = values.length < 2 ? Double.NaN : Math.sqrt(squares / (values.length - 1));
        return new SampleMean(mean, deviation, deviation / Math.sqrt(values.length));
    }
}
