package io.mmpo.data.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/**
 * Python's arithmetic. An integer is a Long where it fits and a BigInteger where it does not, never the other way round; a float is
 * a Double; a truth value counts as 0 or 1.
 */
final class PythonNumbers {
    /** About 100,000 decimal digits. */
    static final int MAX_BITS = 332_193;

    /** Python writes no longer integer as text. */
    private static final int MAX_PRINTED_DIGITS = 4300;

    private static final long EXACT_IN_DOUBLE = 1L << 53;

    private PythonNumbers() {}

    static boolean isNumber(Object value) {
        return value instanceof Number || value instanceof Boolean;
    }

    static boolean isInteger(Object value) {
        return value instanceof Long
                || value instanceof BigInteger
                || value instanceof Integer
                || value instanceof Boolean;
    }

    static Object integer(BigInteger value) {
        if (value.bitLength() < Long.SIZE) {
            return value.longValue();
        }
        requireBits(value.bitLength());
        return value;
    }

    private static void requireBits(long bits) {
        if (bits > MAX_BITS) {
            throw new TemplateException("an integer of " + bits + " bits is over the limit of " + MAX_BITS);
        }
        RenderLimits.text(bits / Byte.SIZE);
    }

    static BigInteger big(Object integer) {
        return integer instanceof BigInteger b ? b : BigInteger.valueOf(longOf(integer));
    }

    private static long longOf(Object integer) {
        return integer instanceof Boolean b ? (b ? 1 : 0) : ((Number) integer).longValue();
    }

    private static boolean areLongs(Object left, Object right) {
        return !(left instanceof BigInteger) && !(right instanceof BigInteger) && isInteger(left) && isInteger(right);
    }

    /** A length, count or index: no more than an int can hold, with the sign kept. */
    static int clamped(Object integer) {
        if (integer instanceof BigInteger b) {
            return b.signum() < 0 ? Integer.MIN_VALUE : Integer.MAX_VALUE;
        }
        return Math.clamp(longOf(integer), Integer.MIN_VALUE, Integer.MAX_VALUE);
    }

    static double toDouble(Object number) {
        if (number instanceof BigInteger b) {
            double value = b.doubleValue();
            if (Double.isInfinite(value)) {
                throw new TemplateException("an integer is too large to become a float");
            }
            return value;
        }
        return number instanceof Boolean b ? (b ? 1 : 0) : ((Number) number).doubleValue();
    }

    static Object add(Object left, Object right) {
        if (areLongs(left, right)) {
            long a = longOf(left);
            long b = longOf(right);
            long sum = a + b;
            return ((a ^ sum) & (b ^ sum)) < 0
                    ? integer(BigInteger.valueOf(a).add(BigInteger.valueOf(b)))
                    : (Object) sum;
        }
        return isInteger(left) && isInteger(right)
                ? integer(big(left).add(big(right)))
                : (Object) (toDouble(left) + toDouble(right));
    }

    static Object subtract(Object left, Object right) {
        return isInteger(left) && isInteger(right)
                ? integer(big(left).subtract(big(right)))
                : (Object) (toDouble(left) - toDouble(right));
    }

    static Object multiply(Object left, Object right) {
        if (isInteger(left) && isInteger(right)) {
            BigInteger a = big(left);
            BigInteger b = big(right);
            requireBits((long) a.bitLength() + b.bitLength() - 1);
            return integer(a.multiply(b));
        }
        return toDouble(left) * toDouble(right);
    }

    static Object divide(Object left, Object right) {
        requireDivisor(right);
        boolean exact = areLongs(left, right)
                && Math.abs(longOf(left)) <= EXACT_IN_DOUBLE
                && Math.abs(longOf(right)) <= EXACT_IN_DOUBLE;
        if (exact || !isInteger(left) || !isInteger(right)) {
            return toDouble(left) / toDouble(right);
        }
        double quotient = new BigDecimal(big(left))
                .divide(new BigDecimal(big(right)), new MathContext(60, RoundingMode.DOWN))
                .doubleValue();
        if (Double.isInfinite(quotient)) {
            throw new TemplateException("the quotient of two integers is too large for a float");
        }
        return quotient;
    }

    /** Rounded down. */
    static Object floorDivide(Object left, Object right) {
        requireDivisor(right);
        if (isInteger(left) && isInteger(right)) {
            BigInteger[] quotient = big(left).divideAndRemainder(big(right));
            boolean below = quotient[1].signum() * big(right).signum() < 0;
            return integer(below ? quotient[0].subtract(BigInteger.ONE) : quotient[0]);
        }
        double a = toDouble(left);
        double b = toDouble(right);
        double quotient = (a - floatRemainder(a, b)) / b;
        if (quotient == 0) {
            return Math.copySign(0.0, a / b);
        }
        double floor = Math.floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    /** With the divisor's sign. */
    static Object remainder(Object left, Object right) {
        requireDivisor(right);
        if (isInteger(left) && isInteger(right)) {
            BigInteger divisor = big(right);
            BigInteger rest = big(left).mod(divisor.abs());
            return integer(divisor.signum() < 0 && rest.signum() > 0 ? rest.add(divisor) : rest);
        }
        return floatRemainder(toDouble(left), toDouble(right));
    }

    private static double floatRemainder(double a, double b) {
        double rest = a % b;
        if (rest == 0) {
            return Math.copySign(0.0, b);
        }
        return rest < 0 != b < 0 ? rest + b : rest;
    }

    private static void requireDivisor(Object right) {
        if (isInteger(right) ? big(right).signum() == 0 : toDouble(right) == 0) {
            throw new TemplateException("a number is divided by zero");
        }
    }

    static Object power(Object left, Object right) {
        boolean integers = isInteger(left) && isInteger(right);
        if (integers && big(right).signum() >= 0) {
            BigInteger base = big(left);
            BigInteger exponent = big(right);
            boolean constant = base.abs().compareTo(BigInteger.ONE) <= 0; // 0, 1 and -1 never grow
            if (constant) {
                boolean even = !exponent.testBit(0);
                return exponent.signum() == 0 || (base.signum() < 0 && even) ? 1L : (Object) base.longValue();
            }
            requireBits(
                    exponent.bitLength() > 31 ? Long.MAX_VALUE : (base.abs().bitLength() - 1L) * exponent.intValue());
            return integer(base.pow(exponent.intValue()));
        }
        double base = toDouble(left);
        double exponent = toDouble(right);
        if (base == 0 && exponent < 0) {
            throw new TemplateException("zero cannot be raised to a negative power");
        }
        double power = exponent == 0 || base == 1 ? 1 : Math.pow(base, exponent);
        if (Double.isNaN(power) && !Double.isNaN(base) && !Double.isNaN(exponent)) {
            throw new TemplateException("a negative number is raised to a fraction, which has no real value");
        }
        if (Double.isInfinite(power) && !Double.isInfinite(base) && !Double.isInfinite(exponent)) {
            throw new TemplateException("a power is too large for a float");
        }
        return power;
    }

    static Object negate(Object value) {
        return isInteger(value) ? integer(big(value).negate()) : (Object) (-toDouble(value));
    }

    static Object absolute(Object value) {
        return isInteger(value) ? integer(big(value).abs()) : (Object) Math.abs(toDouble(value));
    }

    static boolean equal(Object left, Object right) {
        if (left instanceof Double || right instanceof Double) {
            double a = left instanceof Double d ? d : Double.NaN;
            double b = right instanceof Double d ? d : Double.NaN;
            boolean both = left instanceof Double && right instanceof Double;
            return both ? a == b : !isNan(left) && !isNan(right) && compare(left, right) == 0;
        }
        return big(left).equals(big(right));
    }

    static boolean isNan(Object value) {
        return value instanceof Double d && d.isNaN();
    }

    /** Exact, also between integers and floats. Not for NaN, which has no order. */
    static int compare(Object left, Object right) {
        if (areLongs(left, right)) {
            return Long.compare(longOf(left), longOf(right));
        }
        if (isInteger(left) && isInteger(right)) {
            return big(left).compareTo(big(right));
        }
        if (left instanceof Double a && right instanceof Double b) {
            return a < b ? -1 : a > b ? 1 : 0;
        }
        double limit = left instanceof Double a ? a : (Double) right;
        if (Double.isInfinite(limit)) {
            return left instanceof Double ? (int) Math.signum(limit) : -(int) Math.signum(limit);
        }
        return decimal(left).compareTo(decimal(right));
    }

    private static BigDecimal decimal(Object number) {
        return number instanceof Double d ? new BigDecimal(d) : new BigDecimal(big(number));
    }

    /** {@code int(float)}. */
    static Object truncated(double value) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            throw new TemplateException("a float that is not finite has no integer");
        }
        return integer(new BigDecimal(value).toBigInteger());
    }

    /** {@code str}: floats have exponents from 1e16 on and below 1e-4, written as 1e+16 and 1e-05. */
    static String text(Object number) {
        if (number instanceof Boolean b) {
            return b ? "True" : "False";
        }
        if (number instanceof BigInteger b) {
            RenderLimits.text(b.bitLength() / 3);
            String digits = b.abs().bitLength() > MAX_PRINTED_DIGITS * 4 ? "" : b.toString();
            if (digits.isEmpty() || digits.length() - (b.signum() < 0 ? 1 : 0) > MAX_PRINTED_DIGITS) {
                throw new TemplateException("an integer of more than " + MAX_PRINTED_DIGITS
                        + " digits is over the limit of what is written as text");
            }
            return digits;
        }
        if (!(number instanceof Double d)) {
            return number.toString();
        }
        if (d.isNaN()) {
            return "nan";
        }
        if (d.isInfinite()) {
            return d > 0 ? "inf" : "-inf";
        }
        return d == 0 ? d.toString() : finite(d);
    }

    private static String finite(double d) {
        BigDecimal decimal = new BigDecimal(Double.toString(d)).stripTrailingZeros();
        if (decimal.precision() == 2) { // Java writes two digits at least
            BigDecimal shorter = decimal.round(new MathContext(1));
            decimal = shorter.doubleValue() == d ? shorter.stripTrailingZeros() : decimal;
        }
        int exponent = decimal.precision() - decimal.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = decimal.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String digits = decimal.unscaledValue().abs().toString();
        String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
        return (d < 0 ? "-" : "") + digits.charAt(0) + fraction + String.format(Locale.ROOT, "e%+03d", exponent);
    }
}
