package io.mmpo.eval.alpaca;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;

/** Numbers of files, and of samples. */
final class Numbers {
    private Numbers() {}

    /** NaN where it is none; CSV has its numbers as text. */
    static double of(JsonNode value) {
        if (value.isNumber()) {
            return value.doubleValue();
        }
        try {
            return value.isTextual() ? Double.parseDouble(value.textValue()) : Double.NaN;
        } catch (NumberFormatException e) {
            return Double.NaN;
        }
    }

    static double mean(double[] values) {
        return Arrays.stream(values).sum() / values.length;
    }

    /** Of a sample, with n - 1 in the denominator; NaN for one value. */
    static double standardDeviation(double[] values) {
        double mean = mean(values);
        double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
        return Math.sqrt(squares / (values.length - 1));
    }

    static double standardErrorOfMean(double[] values) {
        return standardDeviation(values) / Math.sqrt(values.length);
    }
}
