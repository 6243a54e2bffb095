package io.mmpo.data.template;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/** How one value is written by {@code %} or {@code format}: sign, width, precision, kind. Widths are counted before they are filled. */
record FormatSpec(
        String fill, char align, char sign, boolean alternate, boolean grouped, int width, int precision, char kind) {
    /** Digits behind the point; a double has no more than 1,074 that mean anything. */
    private static final int MAX_PRECISION = 100_000;

    FormatSpec {
        if (precision > MAX_PRECISION) {
            throw new TemplateException("a precision of " + precision + " is over the limit of " + MAX_PRECISION);
        }
    }

    String text(String value) {
        String cut = precision >= 0 && precision < value.codePointCount(0, value.length())
                ? value.substring(0, value.offsetByCodePoints(0, precision))
                : value;
        return padded("", cut, align == 0 ? '<' : align);
    }

    String integer(Object number) {
        var value = PythonNumbers.big(number);
        int radix = switch (kind) {
            case 'x', 'X' -> 16;
            case 'o' -> 8;
            case 'b' -> 2;
            default -> 10;
        };
        RenderLimits.text(value.bitLength());
        String digits = radix == 10
                ? PythonNumbers.text(PythonNumbers.integer(value.abs()))
                : value.abs().toString(radix);
        if (precision > digits.length()) {
            RenderLimits.text(precision);
            digits = "0".repeat(precision - digits.length()) + digits;
        }
        String prefix = alternate && radix != 10 ? "0" + kind : "";
        String shown = kind == 'X' ? digits.toUpperCase(java.util.Locale.ROOT) : digits;
        return padded(signOf(value.signum() < 0) + prefix, grouped ? grouped(shown) : shown, '>');
    }

    String decimal(double number) {
        boolean negative = number < 0 || (number == 0 && 1 / number < 0);
        String body;
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            body = Double.isNaN(number) ? "nan" : "inf";
        } else {
            RenderLimits.text(400L + Math.max(0, precision));
            body = finite(Math.abs(number));
        }
        if (Character.isUpperCase(kind)) {
            body = body.toUpperCase(java.util.Locale.ROOT);
        }
        return padded(signOf(negative), grouped ? grouped(body) : body, '>');
    }

    private String finite(double number) {
        int places = precision < 0 ? 6 : precision;
        return switch (Character.toLowerCase(kind)) {
            case 'f' ->
                new BigDecimal(number).setScale(places, RoundingMode.HALF_EVEN).toPlainString();
            case '%' ->
                new BigDecimal(number * 100)
                                .setScale(places, RoundingMode.HALF_EVEN)
                                .toPlainString() + "%";
            case 'e' -> scientific(number, places);
            default -> general(number, Math.max(1, places));
        };
    }

    private static String scientific(double number, int places) {
        BigDecimal rounded = new BigDecimal(number).round(new MathContext(places + 1, RoundingMode.HALF_EVEN));
        int exponent = number == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
        String digits = rounded.movePointLeft(exponent)
                .setScale(places, RoundingMode.HALF_EVEN)
                .toPlainString();
        return digits + String.format(Locale.ROOT, "e%+03d", exponent);
    }

    private static String general(double number, int significant) {
        String scientific = scientific(number, significant - 1);
        int at = scientific.indexOf('e');
        int exponent = Integer.parseInt(scientific.substring(at + 1));
        if (exponent < -4 || exponent >= significant) {
            return withoutZeros(scientific.substring(0, at)) + scientific.substring(at);
        }
        return withoutZeros(new BigDecimal(number)
                .setScale(significant - 1 - exponent, RoundingMode.HALF_EVEN)
                .toPlainString());
    }

    private static String withoutZeros(String digits) {
        if (digits.indexOf('.') < 0) {
            return digits;
        }
        int end = digits.length();
        while (digits.charAt(end - 1) == '0') {
            end--;
        }
        return digits.substring(0, digits.charAt(end - 1) == '.' ? end - 1 : end);
    }

    private static String grouped(String digits) {
        int point = digits.indexOf('.') < 0 ? digits.length() : digits.indexOf('.');
        RenderLimits.text(2L * digits.length());
        StringBuilder out = new StringBuilder(digits);
        for (int i = point - 3; i > 0; i -= 3) {
            out.insert(i, ',');
        }
        return out.toString();
    }

    private String signOf(boolean negative) {
        return negative ? "-" : sign == '+' ? "+" : sign == ' ' ? " " : "";
    }

    private String padded(String prefix, String body, char usual) {
        long missing = width - (long) prefix.length() - body.codePointCount(0, body.length());
        if (missing <= 0) {
            return prefix + body;
        }
        RenderLimits.text(width);
        int before = switch (align == 0 ? usual : align) {
            case '<' -> 0;
            case '^' -> (int) missing / 2;
            default -> (int) missing;
        };
        if (align == '=') {
            return prefix + fill.repeat(before) + body;
        }
        return fill.repeat(before) + prefix + body + fill.repeat((int) missing - before);
    }
}
