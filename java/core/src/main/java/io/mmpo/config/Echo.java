package io.mmpo.config;

import java.math.BigDecimal;

/** A value as a message repeats it: short, and a number as people write it. */
final class Echo {
    private static final int MAX_CHARS = 60;
    private static final int MAX_DIGITS = 12;

    private Echo() {}

    static String of(String text) {
        return text.length() <= MAX_CHARS
                ? text
                : text.substring(0, MAX_CHARS) + "… (" + text.length() + " characters)";
    }

    /** "key wanted, got value". What is above every bound is not told of the bound. */
    static String refusal(String key, String wanted, Object value) {
        if (!(value instanceof Double number)) {
            return "%s %s, got %s".formatted(key, wanted, value);
        }
        return "%s %s, got %s"
                .formatted(key, Double.isFinite(number) ? wanted : "must be a finite number", number(number));
    }

    /** 1000000000 where Java says 1.0E9. */
    static String number(double value) {
        if (!Double.isFinite(value)) {
            return String.valueOf(value);
        }
        BigDecimal decimal = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        String plain = decimal.toPlainString();
        return plain.length() <= MAX_DIGITS ? plain : Double.toString(value).replace("E", "e");
    }
}
