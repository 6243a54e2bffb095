package io.mmpo.data.template;

/** Escapes of a string literal, Python's; an unknown one stays as it is. */
final class StringEscapes {
    private static final String SIMPLE = "\\'\"ntrbfav";
    private static final String MEANING = "\\'\"\n\t\r\b\f\u0007\u000b";

    private StringEscapes() {}

    static String resolve(String text) {
        if (text.indexOf('\\') < 0) {
            return text;
        }
        StringBuilder out = new StringBuilder(text.length());
        int i = 0;
        while (i < text.length()) {
            char c = text.charAt(i);
            if (c != '\\' || i + 1 == text.length()) {
                out.append(c);
                i++;
                continue;
            }
            char escape = text.charAt(i + 1);
            int digits = escape == 'x' ? 2 : escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
            if (digits > 0) {
                int end = i + 2 + digits;
                out.appendCodePoint(hexadecimal(text, i + 2, end));
                i = end;
            } else if (escape == 'N') {
                int end = text.indexOf('}', i);
                out.appendCodePoint(named(text, i + 2, end));
                i = end + 1;
            } else if (escape >= '0' && escape <= '7') {
                int end = octalEnd(text, i + 1);
                out.append((char) Integer.parseInt(text.substring(i + 1, end), 8));
                i = end;
            } else {
                int simple = SIMPLE.indexOf(escape);
                if (simple >= 0) {
                    out.append(MEANING.charAt(simple));
                } else if (escape != '\n') { // an escaped line end joins two lines
                    out.append('\\').append(escape);
                }
                i += 2;
            }
        }
        return out.toString();
    }

    /** {BULLET}. */
    private static int named(String text, int open, int close) {
        if (close > open + 1 && text.charAt(open) == '{') {
            try {
                return Character.codePointOf(text.substring(open + 1, close));
            } catch (IllegalArgumentException e) {
                // reported below, with what is no name at all
            }
        }
        throw new TemplateException("the escape \\N has no name of a character in braces behind it");
    }

    private static int octalEnd(String text, int from) {
        int end = from;
        while (end < text.length() && end < from + 3 && text.charAt(end) >= '0' && text.charAt(end) <= '7') {
            end++;
        }
        return end;
    }

    private static int hexadecimal(String text, int from, int end) {
        String digits = text.substring(from, Math.min(end, text.length()));
        try {
            int value = Integer.parseUnsignedInt(digits, 16);
            if (digits.length() == end - from && digits.charAt(0) != '+' && Character.isValidCodePoint(value)) {
                return value;
            }
        } catch (NumberFormatException e) {
            // reported below, with values that are no code point
        }
        throw new TemplateException("the escape \\" + digits + " is no character");
    }
}
