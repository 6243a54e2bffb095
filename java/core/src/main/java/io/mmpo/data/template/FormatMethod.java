package io.mmpo.data.template;

import java.util.List;

/** {@code text.format(...)}: {@code {}}, {@code {0}}, {@code {name.key[0]!r:>10}}. */
final class FormatMethod {
    private final Arguments values;
    private final StringBuilder out = new StringBuilder();
    private int next;

    private FormatMethod(Arguments values) {
        this.values = values;
    }

    static String format(String format, Arguments values) {
        FormatMethod run = new FormatMethod(values);
        run.run(format, 0);
        return run.out.toString();
    }

    private void append(String text) {
        RenderLimits.text(out.length() + (long) text.length(), out.length());
        out.append(text);
    }

    private void run(String format, int depth) {
        int i = 0;
        while (i < format.length()) {
            char c = format.charAt(i);
            boolean twice = i + 1 < format.length() && format.charAt(i + 1) == c;
            if ((c == '{' || c == '}') && twice) {
                append(String.valueOf(c));
                i += 2;
            } else if (c == '{') {
                int close = closing(format, i);
                append(field(format.substring(i + 1, close), depth));
                i = close + 1;
            } else if (c == '}') {
                throw new TemplateException("format has a '}' that closes nothing");
            } else {
                int end = i;
                while (end < format.length() && format.charAt(end) != '{' && format.charAt(end) != '}') {
                    end++;
                }
                append(format.substring(i, end));
                i = end;
            }
        }
    }

    private static int closing(String format, int open) {
        int depth = 0;
        for (int i = open; i < format.length(); i++) {
            depth += format.charAt(i) == '{' ? 1 : format.charAt(i) == '}' ? -1 : 0;
            if (depth == 0) {
                return i;
            }
        }
        throw new TemplateException("format has a '{' that is not closed");
    }

    private String field(String field, int depth) {
        int colon = field.indexOf(':');
        String name = colon < 0 ? field : field.substring(0, colon);
        String spec = colon < 0 ? "" : field.substring(colon + 1);
        int bang = name.indexOf('!');
        String conversion = bang < 0 ? "" : name.substring(bang + 1);
        Object value = value(bang < 0 ? name : name.substring(0, bang));
        if (spec.indexOf('{') >= 0) {
            if (depth > 0) {
                throw new TemplateException("format has fields nested deeper than 2 levels");
            }
            FormatMethod inner = new FormatMethod(values);
            inner.next = next;
            inner.run(spec, depth + 1);
            next = inner.next;
            spec = inner.out.toString();
        }
        Object converted = switch (conversion) {
            case "" -> value;
            case "s" -> PythonValues.text(value);
            case "r", "a" -> PythonRepr.of(value);
            default ->
                throw new TemplateException(
                        "format has no conversion '!" + TemplateException.excerpt(conversion) + "'");
        };
        return write(converted, spec);
    }

    private Object value(String name) {
        int end = 0;
        while (end < name.length() && name.charAt(end) != '.' && name.charAt(end) != '[') {
            end++;
        }
        Object value = argument(name.substring(0, end));
        while (end < name.length()) {
            boolean attribute = name.charAt(end) == '.';
            int from = end + 1;
            int to = from;
            while (to < name.length()
                    && (attribute ? name.charAt(to) != '.' && name.charAt(to) != '[' : name.charAt(to) != ']')) {
                to++;
            }
            String key = name.substring(from, to);
            value = attribute ? Attributes.get(value, key) : Attributes.item(value, index(key));
            end = attribute ? to : to + 1;
        }
        return value;
    }

    private static Object index(String key) {
        return key.matches("\\d{1,9}") ? (Object) Long.valueOf(key) : key;
    }

    private Object argument(String name) {
        List<Object> positional = values.positional();
        if (!name.isEmpty() && !name.matches("\\d{1,9}")) {
            if (!values.named().containsKey(name)) {
                throw new TemplateException("format is not given '" + TemplateException.excerpt(name) + "'");
            }
            return values.named().get(name);
        }
        int index = name.isEmpty() ? next++ : Integer.parseInt(name);
        if (index >= positional.size()) {
            throw new TemplateException("format has a place for value " + index + " and is given " + positional.size());
        }
        return positional.get(index);
    }

    private static String write(Object value, String spec) {
        if (spec.isEmpty()) {
            return PythonValues.text(value);
        }
        boolean number = PythonNumbers.isNumber(value);
        if (!number && !(value instanceof String)) {
            throw new TemplateException("format writes " + PythonValues.kindOf(value) + " without a width only");
        }
        FormatSpec parsed = parse(spec, number, value instanceof Double);
        if (!number) {
            return parsed.text((String) value);
        }
        return "dxXob".indexOf(parsed.kind()) >= 0 && PythonNumbers.isInteger(value)
                ? parsed.integer(value)
                : parsed.decimal(PythonNumbers.toDouble(value));
    }

    /** {@code [[fill]align][sign][#][0][width][,][.precision][kind]}. */
    private static FormatSpec parse(String spec, boolean number, boolean isFloat) {
        int i = 0;
        String fill = " ";
        char align = 0;
        int first = spec.offsetByCodePoints(0, 1);
        if (first < spec.length() && "<>^=".indexOf(spec.charAt(first)) >= 0) {
            fill = spec.substring(0, first);
            align = spec.charAt(first);
            i = first + 1;
        } else if ("<>^=".indexOf(spec.charAt(0)) >= 0) {
            align = spec.charAt(i++);
        }
        char sign = i < spec.length() && "+- ".indexOf(spec.charAt(i)) >= 0 ? spec.charAt(i++) : 0;
        boolean alternate = i < spec.length() && spec.charAt(i) == '#';
        i += alternate ? 1 : 0;
        if (i < spec.length() && spec.charAt(i) == '0' && align == 0) {
            fill = "0";
            align = number ? '=' : '<';
            i++;
        }
        int end = digits(spec, i);
        int width = integer(spec, i, end);
        i = end;
        boolean grouped = i < spec.length() && spec.charAt(i) == ',';
        i += grouped ? 1 : 0;
        int precision = -1;
        if (i < spec.length() && spec.charAt(i) == '.') {
            end = digits(spec, i + 1);
            precision = integer(spec, i + 1, end);
            i = end;
        }
        char kind = i < spec.length() ? spec.charAt(i++) : number ? (isFloat ? 'g' : 'd') : 's';
        String kinds = !number ? "s" : isFloat ? "eEfFgG%" : "dxXobeEfFgG%";
        if (i < spec.length() || kinds.indexOf(kind) < 0) {
            throw new TemplateException("format has no meaning for '" + TemplateException.excerpt(spec) + "' there");
        }
        return new FormatSpec(fill, align, sign, alternate, grouped, width, precision, kind);
    }

    private static int digits(String spec, int from) {
        int end = from;
        while (end < spec.length() && spec.charAt(end) >= '0' && spec.charAt(end) <= '9') {
            end++;
        }
        return end;
    }

    private static int integer(String spec, int from, int end) {
        if (end - from > 8) {
            throw new TemplateException(
                    "a width of " + (end - from) + " digits is over the limit of " + RenderLimits.MAX_TEXT);
        }
        return end == from ? 0 : Integer.parseInt(spec.substring(from, end));
    }
}
