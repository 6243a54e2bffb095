package io.mmpo.data.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Filters of one text, number or value. */
final class ScalarFilters {
    private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{N}_]++");
    private static final Pattern FLOAT =
            Pattern.compile("[+-]?(?:\\d[\\d_]*+\\.?[\\d_]*+|\\.\\d[\\d_]*+)(?:[eE][+-]?\\d++)?");
    private static final int MAX_DIGITS = 4300;

    private ScalarFilters() {}

    static void addTo(Map<String, JinjaFilters.Filter> filters) {
        addTexts(filters);
        addNumbers(filters);
        JinjaFilters.add(filters, "string", (value, a) -> PythonValues.text(value));
        JinjaFilters.add(filters, "safe", (value, a) -> PythonValues.text(value));
        for (String name : List.of("default", "d")) {
            JinjaFilters.add(
                    filters,
                    name,
                    (value, a) -> value instanceof Undefined || (PythonValues.truth(a[1]) && !PythonValues.truth(value))
                            ? a[0]
                            : value,
                    "default_value",
                    "",
                    "boolean",
                    false);
        }
        JinjaFilters.add(
                filters, "attr", (value, a) -> attribute(value, PythonValues.text(a[0])), "name", Arguments.REQUIRED);
        JinjaFilters.add(
                filters,
                "tojson",
                (value, a) -> PythonJson.dumps(value, PythonValues.truth(a[0]), a[1], a[2], PythonValues.truth(a[3])),
                "ensure_ascii",
                false,
                "indent",
                null,
                "separators",
                null,
                "sort_keys",
                false);
    }

    /** Never a key of a mapping. */
    private static Object attribute(Object value, String name) {
        return value instanceof Map<?, ?>
                        && !List.of("items", "keys", "values", "get").contains(name)
                ? new Undefined(name)
                : Attributes.get(value, name);
    }

    private static void addTexts(Map<String, JinjaFilters.Filter> filters) {
        JinjaFilters.add(
                filters,
                "trim",
                (value, a) -> TextMethods.call(PythonValues.text(value), "strip", Arguments.of(a)),
                "chars",
                null);
        JinjaFilters.add(filters, "upper", (value, a) -> PythonCase.upper(PythonValues.text(value)));
        JinjaFilters.add(filters, "lower", (value, a) -> PythonCase.lower(PythonValues.text(value)));
        JinjaFilters.add(filters, "capitalize", (value, a) -> PythonCase.capitalize(PythonValues.text(value)));
        JinjaFilters.add(filters, "title", (value, a) -> title(PythonValues.text(value)));
        JinjaFilters.add(
                filters,
                "replace",
                (value, a) -> PythonText.replace(
                        PythonValues.text(value),
                        PythonValues.text(a[0]),
                        PythonValues.text(a[1]),
                        a[2] == null ? -1 : TextMethods.integer(a[2])),
                "old",
                Arguments.REQUIRED,
                "new",
                Arguments.REQUIRED,
                "count",
                null);
        JinjaFilters.add(filters, "indent", ScalarFilters::indent, "width", 4L, "first", false, "blank", false);
        JinjaFilters.add(
                filters,
                "center",
                (value, a) -> {
                    TextMethods.integer(a[0]);
                    return PythonText.center(PythonValues.text(value), a[0], " ");
                },
                "width",
                80L);
        JinjaFilters.add(
                filters,
                "truncate",
                ScalarFilters::truncate,
                "length",
                255L,
                "killwords",
                false,
                "end",
                "...",
                "leeway",
                null);
        JinjaFilters.add(filters, "wordcount", (value, a) -> {
            Matcher words = WORD.matcher(PythonValues.text(value));
            long count = 0;
            while (words.find()) {
                RenderLimits.tick();
                count++;
            }
            return count;
        });
        for (String name : List.of("escape", "e", "forceescape")) {
            JinjaFilters.add(filters, name, (value, a) -> escape(PythonValues.text(value)));
        }
        JinjaFilters.add(filters, "urlencode", (value, a) -> urlEncode(value));
        filters.put("format", (value, arguments) -> {
            if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
                throw new TemplateException("format takes values by place or by name, not both");
            }
            Object values = arguments.named().isEmpty() ? new PythonTuple(arguments.positional()) : arguments.named();
            return PercentFormat.format(PythonValues.text(value), values);
        });
    }

    private static String title(String text) {
        RenderLimits.text(text.length());
        StringBuilder out = new StringBuilder(text.length());
        int start = 0;
        for (int i = 0; i <= text.length(); i++) {
            if (i < text.length() && !separatesWords(text.charAt(i))) {
                continue;
            }
            if (i > start) {
                RenderLimits.tick();
                int first = text.offsetByCodePoints(start, 1);
                out.append(text.substring(start, first).toUpperCase(Locale.ROOT))
                        .append(PythonCase.lower(text.substring(first, i)));
            }
            if (i < text.length()) {
                out.append(text.charAt(i));
            }
            start = i + 1;
        }
        return out.toString();
    }

    private static boolean separatesWords(char c) {
        return "-({[<".indexOf(c) >= 0 || PythonText.isSpace(c);
    }

    /** Every line but the first (unless {@code first}) is moved right; empty lines only if {@code blank}. */
    private static String indent(Object value, Object[] a) {
        String prefix = a[0] instanceof String text ? text : PythonText.repeat(" ", TextMethods.integer(a[0]) + 0L);
        boolean first = PythonValues.truth(a[1]);
        boolean blank = PythonValues.truth(a[2]);
        List<Object> lines = PythonText.lines(TextMethods.string(value) + "\n", false);
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < lines.size(); i++) {
            String line = (String) lines.get(i);
            boolean moved = i == 0 ? first : blank || !line.isEmpty();
            RenderLimits.text(out.length() + 1L + prefix.length() + line.length(), out.length());
            out.append(i > 0 ? "\n" : "").append(moved ? prefix : "").append(line);
        }
        return out.toString();
    }

    private static Object truncate(Object value, Object[] a) {
        String end = PythonValues.text(a[2]);
        long length = TextMethods.integer(a[0]);
        long leeway = a[3] == null ? 5 : TextMethods.integer(a[3]);
        long kept = length - PythonValues.length(end);
        if (kept < 0 || leeway < 0) {
            throw new TemplateException("truncate wants a length of at least its end, and a leeway of at least 0");
        }
        if (PythonValues.length(value) <= length + leeway) {
            return value;
        }
        String text = TextMethods.string(value);
        String start = PythonText.slice(text, new Slice(null, kept, null));
        if (!PythonValues.truth(a[1])) {
            int space = start.lastIndexOf(' ');
            start = space < 0 ? start : start.substring(0, space);
        }
        return PythonText.concat(start, end);
    }

    private static String escape(String text) {
        RenderLimits.text(5L * text.length());
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '\'' -> out.append("&#39;");
                case '"' -> out.append("&#34;");
                default -> out.append(c);
            }
        }
        return out.toString();
    }

    private static String urlEncode(Object value) {
        boolean several = value instanceof Iterable || value instanceof PythonIterator || value instanceof Undefined;
        if (several || value instanceof Map<?, ?>) {
            List<String> pairs = new ArrayList<>();
            Iterator<?> items = PythonValues.iterator(value instanceof Map<?, ?> map ? DictView.items(map) : value);
            while (items.hasNext()) {
                RenderLimits.item(pairs.size());
                List<?> pair = PythonValues.list(items.next());
                if (pair.size() != 2) {
                    throw new TemplateException("urlencode wants pairs");
                }
                pairs.add(quoted(pair.get(0), false) + "=" + quoted(pair.get(1), false));
            }
            return PythonText.join(pairs.iterator(), "&");
        }
        return quoted(value, true);
    }

    private static String quoted(Object value, boolean path) {
        String text = PythonValues.text(value);
        RenderLimits.text(9L * text.length());
        String encoded = URLEncoder.encode(text, StandardCharsets.UTF_8)
                .replace("*", "%2A")
                .replace("%7E", "~");
        return path ? encoded.replace("+", "%20").replace("%2F", "/") : encoded;
    }

    private static void addNumbers(Map<String, JinjaFilters.Filter> filters) {
        JinjaFilters.add(filters, "int", ScalarFilters::integer, "default", 0L, "base", 10L);
        JinjaFilters.add(
                filters,
                "float",
                (value, a) -> {
                    Double number = decimal(value);
                    return number == null ? a[0] : number;
                },
                "default",
                0.0);
        JinjaFilters.add(filters, "abs", (value, a) -> PythonNumbers.absolute(number(value, "abs")));
        JinjaFilters.add(
                filters, "round", (value, a) -> round(number(value, "round"), a), "precision", 0L, "method", "common");
    }

    private static Object number(Object value, String filter) {
        if (!PythonNumbers.isNumber(value)) {
            throw new TemplateException("'" + filter + "' wants a number, found " + PythonValues.kindOf(value));
        }
        return value;
    }

    private static void requireDefined(Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.misuse("making a number of");
        }
    }

    private static Object integer(Object value, Object[] a) {
        requireDefined(value);
        if (value instanceof String text) {
            Object whole = parse(text, TextMethods.integer(a[1]));
            if (whole != null) {
                return whole;
            }
        }
        if (PythonNumbers.isInteger(value)) {
            return PythonNumbers.integer(PythonNumbers.big(value));
        }
        if (value instanceof Double d && d.isInfinite()) {
            return PythonNumbers.truncated(d);
        }
        Double number = decimal(value);
        return number == null || number.isNaN() || number.isInfinite() ? a[0] : PythonNumbers.truncated(number);
    }

    /** {@code int(text, base)}; null where the text is no such number. */
    private static Object parse(String text, int base) {
        String digits = PythonText.strip(text, PythonText::isSpace, true, true);
        boolean negative = digits.startsWith("-");
        if (negative || digits.startsWith("+")) {
            digits = digits.substring(1);
        }
        String prefix = base == 2 ? "0b" : base == 8 ? "0o" : base == 16 ? "0x" : null;
        if (prefix != null && digits.regionMatches(true, 0, prefix, 0, 2)) {
            digits = digits.substring(2);
        }
        if (!digits.matches("[0-9a-zA-Z]++(?:_[0-9a-zA-Z]++)*+")
                || digits.length() > MAX_DIGITS
                || base < 2
                || base > 36) {
            return null;
        }
        try {
            BigInteger number = new BigInteger(digits.replace("_", ""), base);
            return PythonNumbers.integer(negative ? number.negate() : number);
        } catch (NumberFormatException e) {
            return null; // a digit that the base does not have
        }
    }

    /** {@code float(value)}; null where it is no number. */
    private static Double decimal(Object value) {
        requireDefined(value);
        if (PythonNumbers.isNumber(value)) {
            return PythonNumbers.toDouble(value);
        }
        if (!(value instanceof String text)) {
            return null;
        }
        String digits = PythonText.strip(text, PythonText::isSpace, true, true);
        String word = digits.toLowerCase(Locale.ROOT).replaceFirst("^[+-]", "");
        double sign = digits.startsWith("-") ? -1 : 1;
        return switch (word) {
            case "inf", "infinity" -> sign * Double.POSITIVE_INFINITY;
            case "nan" -> Double.NaN;
            default -> FLOAT.matcher(digits).matches() ? (Double) Double.parseDouble(digits.replace("_", "")) : null;
        };
    }

    private static Object round(Object value, Object[] a) {
        if (a[0] == null && "common".equals(a[1]) && !PythonNumbers.isInteger(value)) {
            return PythonNumbers.truncated(Math.rint(PythonNumbers.toDouble(value)));
        }
        int precision = Math.clamp(a[0] == null ? 0 : TextMethods.integer(a[0]), -400, 400);
        String method = PythonValues.text(a[1]);
        if (PythonNumbers.isInteger(value) && method.equals("common")) {
            BigInteger whole = PythonNumbers.big(value);
            return precision >= 0
                    ? PythonNumbers.integer(whole)
                    : PythonNumbers.integer(new BigDecimal(whole)
                            .setScale(precision, RoundingMode.HALF_EVEN)
                            .toBigInteger());
        }
        double number = PythonNumbers.toDouble(value);
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            if (method.equals("common")) {
                return number;
            }
            throw new TemplateException("'round' is given a float that is not finite");
        }
        if (method.equals("common")) {
            return new BigDecimal(number)
                    .setScale(precision, RoundingMode.HALF_EVEN)
                    .doubleValue();
        }
        if (!method.equals("ceil") && !method.equals("floor")) {
            throw new TemplateException("'round' has the methods common, ceil and floor");
        }
        Object scale = PythonNumbers.power(10L, (long) precision);
        double scaled = PythonNumbers.toDouble(PythonNumbers.multiply(value, scale));
        Object whole = PythonNumbers.truncated(method.equals("ceil") ? Math.ceil(scaled) : Math.floor(scaled));
        return PythonNumbers.divide(whole, scale);
    }
}
