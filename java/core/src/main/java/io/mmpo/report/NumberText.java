package io.mmpo.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Numbers as people read them. */
final class NumberText {
    private static final int DIGITS = 4;
    private static final double LARGE = 1e7;
    private static final double SMALL = 1e-3;

    private NumberText() {}

    /** With four digits: 0.6931, 267.8, 5e-4, 12340. */
    static String of(double value) {
        if (!Double.isFinite(value)) {
            return Double.isNaN(value) ? "no number" : value > 0 ? "∞" : "−∞";
        }
        double magnitude = Math.abs(value);
        if (magnitude != 0 && (magnitude >= LARGE || magnitude < SMALL)) {
            return scientific(value);
        }
        int whole = magnitude == 0 ? 0 : (int) Math.floor(Math.log10(magnitude)) + 1; // 0 or less below 1
        return fixed(value, Math.max(0, DIGITS - whole));
    }

    /** With so many decimals at most. */
    static String fixed(double value, int decimals) {
        BigDecimal rounded = new BigDecimal(value).setScale(decimals, RoundingMode.HALF_EVEN);
        return signed(stripped(rounded).toPlainString());
    }

    private static String scientific(double value) {
        BigDecimal rounded = new BigDecimal(value).round(new MathContext(DIGITS, RoundingMode.HALF_EVEN));
        int exponent = rounded.precision() - rounded.scale() - 1;
        return signed(stripped(rounded.scaleByPowerOfTen(-exponent)).toPlainString() + "e" + exponent);
    }

    private static BigDecimal stripped(BigDecimal number) {
        return number.signum() == 0 ? BigDecimal.ZERO : number.stripTrailingZeros();
    }

    /** A minus sign is as wide as a digit, a hyphen is not. */
    private static String signed(String text) {
        return text.replace('-', '−');
    }
}
