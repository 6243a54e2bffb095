package io.mmpo.data.template;

import java.util.Iterator;
import java.util.Map;
import java.util.Map.Entry;

/** {@code repr} of a value, which is also how lists and mappings print. */
final class PythonRepr {
    private final StringBuilder out = new StringBuilder();
    private int counted;

    private PythonRepr() {}

    static String of(Object value) {
        PythonRepr repr = new PythonRepr();
        repr.write(value, 0);
        repr.count();
        return repr.out.toString();
    }

    private void count() {
        RenderLimits.tick();
        RenderLimits.text(out.length(), counted);
        counted = out.length();
    }

    private void write(Object value, int depth) {
        RenderLimits.depth(depth);
        count();
        switch (value) {
            case null -> out.append("None");
            case String s -> writeText(s);
            case Boolean b -> out.append(b ? "True" : "False");
            case Number n -> out.append(PythonNumbers.text(n));
            case Undefined u -> {
                if (u.strict()) {
                    throw u.misuse("printing");
                }
                out.append("Undefined");
            }
            case PythonRange range -> out.append(range.text());
            case PythonTuple tuple -> {
                writeAll("(", tuple.iterator(), tuple.size() == 1 ? ",)" : ")", depth);
            }
            case DictView view -> writeAll(view.name() + "([", view.iterator(), "])", depth);
            case Namespace namespace -> {
                out.append("<Namespace ");
                writeMap(namespace.attributes(), depth);
                out.append('>');
            }
            case Map<?, ?> map -> writeMap(map, depth);
            case Iterable<?> list -> writeAll("[", list.iterator(), "]", depth);
            default ->
                throw new TemplateException(PythonValues.kindOf(value) + " is printed, which shows nothing of use");
        }
    }

    private void writeAll(String open, Iterator<?> elements, String close, int depth) {
        out.append(open);
        while (elements.hasNext()) {
            write(elements.next(), depth + 1);
            out.append(elements.hasNext() ? ", " : "");
        }
        out.append(close);
    }

    private void writeMap(Map<?, ?> map, int depth) {
        out.append('{');
        for (Iterator<? extends Entry<?, ?>> entries = map.entrySet().iterator(); entries.hasNext(); ) {
            Entry<?, ?> entry = entries.next();
            write(entry.getKey(), depth + 1);
            out.append(": ");
            write(entry.getValue(), depth + 1);
            out.append(entries.hasNext() ? ", " : "");
        }
        out.append('}');
    }

    /** Python prefers single quotes. */
    private void writeText(String text) {
        RenderLimits.text(out.length() + (long) text.length(), out.length());
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        int i = 0;
        while (i < text.length()) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> writeCharacter(c, quote);
            }
            if ((i & 0xffff) == 0) {
                count();
            }
        }
        out.append(quote);
    }

    private void writeCharacter(int c, char quote) {
        if (c == quote) {
            out.append('\\').append(quote);
        } else if (isPrintable(c)) {
            out.appendCodePoint(c);
        } else {
            out.append(c < 0x100 ? "\\x" : c < 0x10000 ? "\\u" : "\\U");
            String digits = Integer.toHexString(c);
            out.repeat('0', (c < 0x100 ? 2 : c < 0x10000 ? 4 : 8) - digits.length())
                    .append(digits);
        }
    }

    /** str.isprintable: neither "other" nor a separator but the space. */
    static boolean isPrintable(int c) {
        return c == ' '
                || switch (Character.getType(c)) {
                    case Character.CONTROL,
                            Character.FORMAT,
                            Character.SURROGATE,
                            Character.PRIVATE_USE,
                            Character.UNASSIGNED,
                            Character.LINE_SEPARATOR,
                            Character.PARAGRAPH_SEPARATOR,
                            Character.SPACE_SEPARATOR -> false;
                    default -> true;
                };
    }
}
