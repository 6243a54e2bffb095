package io.mmpo.data.template;

import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Map.Entry;

/** {@code json.dumps} and {@code repr} of Python over a template's values, character for character. */
final class PythonJson {
    private static final int MAX_DEPTH = 200;

    private final StringBuilder out = new StringBuilder();
    private final boolean ascii;
    private final int indent;
    private final boolean sortKeys;
    private final String itemSeparator;
    private final String keySeparator;

    private PythonJson(boolean ascii, int indent, boolean sortKeys, String itemSeparator, String keySeparator) {
        this.ascii = ascii;
        this.indent = indent;
        this.sortKeys = sortKeys;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
    }

    /**
     * @param indent spaces a level, or -1 for one line
     * @param separators [between items, after a key], or null for Python's own
     */
    static String dumps(Object value, boolean ascii, int indent, List<?> separators, boolean sortKeys) {
        String item = separators == null ? (indent >= 0 ? "," : ", ") : PythonValues.text(separators.get(0));
        String key = separators == null ? ": " : PythonValues.text(separators.get(1));
        PythonJson json = new PythonJson(ascii, indent, sortKeys, item, key);
        json.write(value, 0);
        return json.out.toString();
    }

    private void write(Object value, int depth) {
        if (depth > MAX_DEPTH) {
            throw new TemplateException("a value is nested deeper than " + MAX_DEPTH + " levels");
        }
        switch (value) {
            case null -> out.append("null");
            case Boolean b -> out.append(b);
            case Number n -> out.append(PythonValues.number(n));
            case CharSequence s -> writeString(s);
            case Map<?, ?> map -> writeMap(map, depth);
            case Collection<?> list -> writeList(list, depth);
            default -> throw new TemplateException("tojson is given something that is no JSON value");
        }
        PythonValues.requireTextLength(out.length());
    }

    private void writeMap(Map<?, ?> map, int depth) {
        List<? extends Entry<?, ?>> entries =
                List.copyOf(map.entrySet().stream().toList());
        if (sortKeys) {
            entries = entries.stream()
                    .sorted((a, b) -> String.valueOf(a.getKey()).compareTo(String.valueOf(b.getKey())))
                    .toList();
        }
        out.append('{');
        boolean first = true;
        for (Entry<?, ?> entry : entries) {
            separate(first, depth + 1);
            first = false;
            writeString(String.valueOf(entry.getKey()));
            out.append(keySeparator);
            write(entry.getValue(), depth + 1);
        }
        close(first, depth, '}');
    }

    private void writeList(Collection<?> list, int depth) {
        out.append('[');
        boolean first = true;
        for (Object element : list) {
            separate(first, depth + 1);
            first = false;
            write(element, depth + 1);
        }
        close(first, depth, ']');
    }

    private void separate(boolean first, int depth) {
        if (!first) {
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
        if (indent >= 0) {
            out.append('\n').repeat(' ', indent * depth);
        }
    }

    private void writeString(CharSequence text) {
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
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }

    /** {@code repr} of a list or mapping, which is what printing one gives. */
    static String repr(Object value) {
        StringBuilder out = new StringBuilder();
        repr(value, out, 0);
        return out.toString();
    }

    private static void repr(Object value, StringBuilder out, int depth) {
        if (depth > MAX_DEPTH) {
            throw new TemplateException("a value is nested deeper than " + MAX_DEPTH + " levels");
        }
        PythonValues.requireTextLength(out.length());
        switch (value) {
            case null -> out.append("None");
            case CharSequence s -> reprString(s, out);
            case Map<?, ?> map -> {
                out.append('{');
                for (Iterator<? extends Entry<?, ?>> entries = map.entrySet().iterator(); entries.hasNext(); ) {
                    Entry<?, ?> entry = entries.next();
                    repr(entry.getKey(), out, depth + 1);
                    out.append(": ");
                    repr(entry.getValue(), out, depth + 1);
                    out.append(entries.hasNext() ? ", " : "");
                }
                out.append('}');
            }
            case Collection<?> list -> {
                out.append('[');
                for (Iterator<?> elements = list.iterator(); elements.hasNext(); ) {
                    repr(elements.next(), out, depth + 1);
                    out.append(elements.hasNext() ? ", " : "");
                }
                out.append(']');
            }
            case Boolean b -> out.append(PythonValues.text(b));
            case Number n -> out.append(PythonValues.number(n));
            default -> throw new TemplateException("something that is no template value is printed");
        }
    }

    /** Python prefers single quotes. */
    private static void reprString(CharSequence text, StringBuilder out) {
        String s = text.toString();
        char quote = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        s.codePoints().forEach(c -> {
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c == quote) {
                        out.append('\\').append(quote);
                    } else if (c < 0x20 || c == 0x7f) {
                        out.append(String.format("\\x%02x", c));
                    } else {
                        out.appendCodePoint(c);
                    }
                }
            }
        });
        out.append(quote);
    }
}
