package io.mmpo.data.template;

import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Python's regular expressions by Java's, which agree in what tasks use: classes of Unicode, a dot and ends that know {@code \n} alone. */
public final class PythonPattern {
    private static final int MAX_LENGTH = 10_000;

    private PythonPattern() {}

    /**
     * The pattern.
     *
     * @throws TemplateException if it is none
     */
    public static Pattern compile(String pattern) {
        if (pattern.length() > MAX_LENGTH) {
            throw new TemplateException(
                    "a pattern of " + pattern.length() + " characters is over the limit of " + MAX_LENGTH);
        }
        try {
            return Pattern.compile(
                    pattern.replace("(?P<", "(?<"), Pattern.UNIX_LINES | Pattern.UNICODE_CHARACTER_CLASS);
        } catch (PatternSyntaxException e) {
            throw new TemplateException(
                    "'" + TemplateException.excerpt(pattern) + "' is no regular expression: " + e.getDescription(), e);
        }
    }

    /** Python writes groups as {@code \1} and {@code \g<name>}, Java as {@code $1} and {@code ${name}}. */
    static String replacement(String python) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < python.length(); i++) {
            char c = python.charAt(i);
            if (c == '$') {
                out.append("\\$");
            } else if (c != '\\' || i + 1 == python.length()) {
                out.append(c == '\\' ? "\\\\" : String.valueOf(c));
            } else {
                i = escape(python, i + 1, out);
            }
        }
        return out.toString();
    }

    /** Appends what the escape at i stands for, and says where it ends. */
    private static int escape(String python, int i, StringBuilder out) {
        char escaped = python.charAt(i);
        if (Character.isDigit(escaped)) {
            out.append('$').append(escaped);
            return i;
        }
        if (escaped == 'g' && python.startsWith("<", i + 1)) {
            int end = python.indexOf('>', i);
            if (end < 0) {
                throw new TemplateException("'\\g<' in a replacement is not closed");
            }
            String name = python.substring(i + 2, end);
            boolean isNumber = name.chars().allMatch(Character::isDigit);
            out.append(isNumber ? "$" + name : "${" + name + "}");
            return end;
        }
        int control = "ntrfv".indexOf(escaped);
        if (control >= 0) {
            out.append("\n\t\r\f\u000b".charAt(control));
        } else {
            out.append("\\\\").append(escaped == '\\' ? "" : "\\" + escaped);
        }
        return i;
    }
}
