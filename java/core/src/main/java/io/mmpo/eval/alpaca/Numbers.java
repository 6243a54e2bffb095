package io.mmpo.eval.alpaca;

import com.fasterxml.jackson.databind.JsonNode;

/** Numbers of files. */
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
}
