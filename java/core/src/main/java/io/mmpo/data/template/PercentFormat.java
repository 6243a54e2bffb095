package io.mmpo.data.template;

import java.util.List;
import java.util.Map;

/** {@code text % values}: printf's directives, as Python has them. */
final class PercentFormat {
    private final String format;
    private final Object values;
    private final List<?> positional;
    private final StringBuilder out = new StringBuilder();
    private int position;
    private int next;
    private boolean keyed;

    private PercentFormat(String format, Object values) {
        this.format = format;
        this.values = values;
        this.positional = values instanceof PythonTuple tuple ? tuple : java.util.Collections.singletonList(values);
    }

    static String format(String format, Object values) {
        PercentFormat run = new PercentFormat(format, values);
        run.run();
        return run.out.toString();
    }

    private void run() {
        while (position < format.length()) {
            int directive = format.indexOf('%', position);
            int end = directive < 0 ? format.length() : directive;
            append(format.substring(position, end));
            position = end + 1;
            if (directive >= 0) {
                directive();
            }
        }
        boolean optional = values instanceof Map // what can be indexed, as CPython asks
                || values instanceof Undefined
                || (values instanceof List && !(values instanceof PythonTuple));
        if (next < positional.size() && !keyed && !optional) {
            throw new TemplateException("'%' is given more values than its text has places for");
        }
    }

    private void append(String text) {
        RenderLimits.text(out.length() + (long) text.length(), out.length());
        out.append(text);
    }

    private char take() {
        if (position >= format.length()) {
            throw new TemplateException("'%' has a text that ends within a directive");
        }
        return format.charAt(position++);
    }

    private void directive() {
        Object named = null;
        boolean isNamed = false;
        char c = take();
        if (c == '(') {
            int close = format.indexOf(')', position);
            if (close < 0 || !(values instanceof Map<?, ?> map)) {
                throw new TemplateException("'%(name)' wants a mapping of values");
            }
            named = PythonMaps.get(map, format.substring(position, close));
            if (named == PythonMaps.MISSING) {
                throw new TemplateException("'%(name)' names a value that the mapping does not have");
            }
            isNamed = true;
            keyed = true;
            position = close + 1;
            c = take();
        }
        boolean left = false;
        boolean zero = false;
        boolean alternate = false;
        char sign = 0;
        for (; "-+ 0#".indexOf(c) >= 0; c = take()) {
            left |= c == '-';
            zero |= c == '0';
            alternate |= c == '#';
            sign = c == '+' || (c == ' ' && sign == 0) ? c : sign;
        }
        int width = 0;
        if (c == '*') {
            width = star();
            left |= width < 0;
            width = Math.abs(Math.max(width, -Integer.MAX_VALUE));
            c = take();
        }
        for (; c >= '0' && c <= '9'; c = take()) {
            width = digit(width, c);
        }
        int precision = -1;
        if (c == '.') {
            precision = 0;
            c = take();
            if (c == '*') {
                precision = Math.max(0, star());
                c = take();
            }
            for (; c >= '0' && c <= '9'; c = take()) {
                precision = digit(precision, c);
            }
        }
        while ("hlL".indexOf(c) >= 0) {
            c = take();
        }
        if (c == '%') {
            append("%");
            return;
        }
        write(c, isNamed ? named : argument(), left ? '<' : 0, zero, sign, alternate, width, precision);
    }

    private static int digit(int value, char digit) {
        long longer = value * 10L + (digit - '0');
        if (longer > RenderLimits.MAX_TEXT) {
            throw new TemplateException(
                    "a width of " + longer + " characters is over the limit of " + RenderLimits.MAX_TEXT);
        }
        return (int) longer;
    }

    private int star() {
        Object value = argument();
        if (!PythonNumbers.isInteger(value)) {
            throw new TemplateException("'%*' wants an integer");
        }
        return PythonNumbers.clamped(value);
    }

    private Object argument() {
        if (next >= positional.size()) {
            throw new TemplateException("'%' is given fewer values than its text has places for");
        }
        return positional.get(next++);
    }

    private void write(
            char kind, Object value, char align, boolean zero, char sign, boolean alternate, int width, int precision) {
        boolean numeric = "diuoxXeEfFgG".indexOf(kind) >= 0;
        char side = numeric && zero && align == 0 ? '=' : align == 0 ? '>' : align;
        char shown = kind == 'i' || kind == 'u' ? 'd' : kind;
        FormatSpec spec =
                new FormatSpec(side == '=' ? "0" : " ", side, sign, alternate, false, width, precision, shown);
        String text = switch (kind) {
            case 's' -> spec.text(PythonValues.text(value));
            case 'r', 'a' -> spec.text(PythonRepr.of(value));
            case 'c' -> spec.text(character(value));
            case 'd', 'i', 'u' ->
                spec.integer(value instanceof Double d ? PythonNumbers.truncated(d) : number(value, true, kind));
            case 'o', 'x', 'X' -> spec.integer(number(value, true, kind));
            case 'e', 'E', 'f', 'F', 'g', 'G' -> spec.decimal(PythonNumbers.toDouble(number(value, false, kind)));
            default -> throw new TemplateException("'%" + kind + "' is no directive");
        };
        append(text);
    }

    private static Object number(Object value, boolean integer, char kind) {
        if (integer ? PythonNumbers.isInteger(value) : PythonNumbers.isNumber(value)) {
            return value;
        }
        throw new TemplateException("'%" + kind + "' wants a number, found " + PythonValues.kindOf(value));
    }

    private static String character(Object value) {
        if (value instanceof String text && text.codePointCount(0, text.length()) == 1) {
            return text;
        }
        if (PythonNumbers.isInteger(value) && Character.isValidCodePoint(PythonNumbers.clamped(value))) {
            return Character.toString(PythonNumbers.clamped(value));
        }
        throw new TemplateException("'%c' wants one character");
    }
}
