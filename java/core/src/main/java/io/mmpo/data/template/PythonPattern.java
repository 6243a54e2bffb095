package io.mmpo.data.template;

import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Python's regular expressions by Java's, which agree in what tasks use: classes of Unicode, a dot and ends that know {@code \n} alone.
 * Patterns are a file's, and texts a model's: a search that tries too many ways is a {@link TemplateException}.
 */
public final class PythonPattern {
    private static final int MAX_LENGTH = 10_000;

    /** Characters that one use of a pattern may read; a pass over a long answer reads some ten thousands. */
    private static final int MAX_STEPS = 20_000_000;

    private PythonPattern() {}

    /** What use makes of the pattern's matches in a text. */
    public static <T> T search(String pattern, String text, Function<Matcher, T> use) {
        Pattern compiled = compile(pattern);
        try {
            return use.apply(compiled.matcher(new CountedText(text, new int[1])));
        } catch (StackOverflowError | TooManySteps e) {
            throw new TemplateException(
                    "the pattern '" + TemplateException.excerpt(pattern) + "' tries too many ways to match a text", e);
        }
    }

    private static final class TooManySteps extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** Text that counts what is read of it, and asks for the time of a rendering that it is read in. */
    private record CountedText(String text, int[] steps) implements CharSequence {
        @Override
        public int length() {
            return text.length();
        }

        @Override
        public char charAt(int index) {
            if (++steps[0] > MAX_STEPS) {
                throw new TooManySteps();
            }
            RenderLimits.tick();
            return text.charAt(index);
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.substring(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /**
     * The pattern, to see whether it is one.
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
