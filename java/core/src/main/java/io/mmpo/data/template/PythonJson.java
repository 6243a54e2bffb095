package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Map.Entry;

/** {@code json.dumps} of Python over a template's values, character for character. */
final class PythonJson {
    private final StringBuilder out = new StringBuilder();
    private final boolean ascii;
    /** What a level is moved right by; null: everything stands on one line. */
    private final String indent;

    private final boolean sortKeys;
    private final String itemSeparator;
    private final String keySeparator;
    private int counted;

    private PythonJson(boolean ascii, String indent, boolean sortKeys, String itemSeparator, String keySeparator) {
        this.ascii = ascii;
        this.indent = indent;
        this.sortKeys = sortKeys;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
    }

    /**
     * @param indent spaces a level, the text of one, or null for one line
     * @param separators [between items, after a key], or null for Python's own
     */
    static String dumps(Object value, boolean ascii, Object indent, Object separators, boolean sortKeys) {
        boolean plain = value instanceof String; // Python does not look at the indent then
        String level = indent == null || indent instanceof String ? (String) indent : plain ? null : spaces(indent);
        String item = level == null ? ", " : ",";
        String key = ": ";
        if (separators != null) {
            List<?> two = PythonValues.list(separators);
            if (two.size() != 2 || !(two.get(0) instanceof String) || !(two.get(1) instanceof String)) {
                throw new TemplateException("tojson wants separators as two texts");
            }
            item = (String) two.get(0);
            key = (String) two.get(1);
        }
        PythonJson json = new PythonJson(ascii, level, sortKeys, item, key);
        json.write(value, 0);
        json.count();
        return json.out.toString();
    }

    private static String spaces(Object count) {
        if (!PythonNumbers.isInteger(count)) {
            throw new TemplateException("tojson wants indent as a number or text, found " + PythonValues.kindOf(count));
        }
        return PythonText.repeat(" ", count);
    }

    private void count() {
        RenderLimits.tick();
        RenderLimits.text(out.length(), counted);
        counted = out.length();
    }

    /** Before so much is written. */
    private void reserve(long length) {
        RenderLimits.text(out.length() + length, out.length());
    }

    private void write(Object value, int depth) {
        RenderLimits.depth(depth);
        count();
        switch (value) {
            case null -> out.append("null");
            case Boolean b -> out.append(b);
            case Number n -> out.append(number(n));
            case String s -> writeString(s);
            case Map<?, ?> map -> writeMap(map, depth);
            case List<?> list when !(list instanceof PythonRange) -> writeList(list, depth);
            default ->
                throw new TemplateException(
                        "tojson is given " + PythonValues.kindOf(value) + ", which is no JSON value");
        }
    }

    private static String number(Number number) {
        if (number instanceof Double d && (d.isNaN() || d.isInfinite())) {
            return d.isNaN() ? "NaN" : d > 0 ? "Infinity" : "-Infinity";
        }
        return PythonNumbers.text(number);
    }

    private void writeMap(Map<?, ?> map, int depth) {
        Iterable<? extends Entry<?, ?>> entries = map.entrySet();
        if (sortKeys) {
            RenderLimits.list(map.size());
            List<Entry<?, ?>> sorted = new ArrayList<>(map.entrySet());
            sorted.sort(Comparator.comparing(Entry::getKey, PythonValues::compare));
            entries = sorted;
        }
        out.append('{');
        boolean first = true;
        for (Entry<?, ?> entry : entries) {
            separate(first, depth + 1);
            first = false;
            writeString(key(entry.getKey()));
            reserve(keySeparator.length());
            out.append(keySeparator);
            write(entry.getValue(), depth + 1);
        }
        close(first, depth, '}');
    }

    private static String key(Object key) {
        return switch (key) {
            case null -> "null";
            case String s -> s;
            case Boolean b -> b ? "true" : "false";
            case Number n -> number(n);
            default ->
                throw new TemplateException("tojson finds " + PythonValues.kindOf(key) + " as a key, which is no text");
        };
    }

    private void writeList(List<?> list, int depth) {
        out.append('[');
        boolean first = true;
        for (Iterator<?> elements = list.iterator(); elements.hasNext(); first = false) {
            separate(first, depth + 1);
            write(elements.next(), depth + 1);
        }
        close(first, depth, ']');
    }

    private void separate(boolean first, int depth) {
        if (!first) {
            reserve(itemSeparator.length());
            out.append(itemSeparator);
        }
        breakLine(depth);
    }

    private void close(boolean empty, int depth, char bracket) {
        if (!empty) {
            breakLine(depth);
        }
        out.append(bracket);
    }

    private void breakLine(int depth) {
        if (indent != null) {
            reserve(1 + (long) indent.length() * depth);
            out.append('\n').append(indent.repeat(depth));
        }
    }

    private void writeString(String text) {
        reserve(text.length());
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\f' -> out.append("\\f");
                case '\b' -> out.append("\\b");
                default -> {
                    if (c < 0x20 || (ascii && c > 0x7e)) {
                        String digits = Integer.toHexString(c);
                        out.append("\\u").repeat('0', 4 - digits.length()).append(digits);
                    } else {
                        out.append(c);
                    }
                }
            }
            if ((i & 0xffff) == 0xffff) {
                count();
            }
        }
        out.append('"');
    }
}
