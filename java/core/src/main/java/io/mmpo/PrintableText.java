package io.mmpo;

import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text from outside (data, YAML, names of files) as a message or a terminal may show it. What could move a cursor, colour or erase
 * what stands there, turn the order of letters around, or not be seen at all becomes an escape.
 */
public final class PrintableText {
    /** No word of a message that is worth reading is longer; a path may be. */
    private static final int MAX_WORD = 400;

    private static final int EXCERPT = 80;
    private static final int MAX_PATH = 4200;
    private static final int MAX_MESSAGE = 16_000;
    private static final int SHOWN_OF_A_LONG_WORD = 80;
    private static final Pattern LONG_WORD = Pattern.compile("\\S{" + (MAX_WORD + 1) + ",}");
    private static final Pattern LINE_ENDS = Pattern.compile("\\s*\\R\\s*");
    /** Letters and marks that have no glyph: joiners, fillers of Hangul, vowels of Khmer that are inherent. */
    private static final String INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0";

    private PrintableText() {}

    /** On one line, line ends and tabs escaped too. */
    public static String line(String text) {
        return escape(text, "");
    }

    /** Line ends and tabs stay: for text that this program laid out. */
    public static String lines(String text) {
        return escape(text, "\n\t");
    }

    /** A message as one paragraph; words and messages that are very long are cut, with their length. */
    public static String paragraph(String message) {
        String oneLine = LINE_ENDS.matcher(message.strip()).replaceAll(" ");
        String shortened = LONG_WORD.matcher(oneLine).replaceAll(word -> Matcher.quoteReplacement(cut(word.group())));
        return line(shortened.length() <= MAX_MESSAGE ? shortened : beginning(shortened, MAX_MESSAGE / 2));
    }

    /** Text from a file as a message shows it, on one line: the whole, or its first 80 characters and how many there are. */
    public static String excerpt(String text) {
        return excerpt(text, EXCERPT);
    }

    /** The text, or its first characters and how many there are. */
    public static String excerpt(String text, int maxChars) {
        return line(text.length() <= maxChars ? text : beginning(text, maxChars));
    }

    /** A path as one word of a command for a POSIX shell, to be copied from what is printed. */
    public static String shellWord(Path path) {
        String text = path.toString();
        return line(text.matches("[\\w./+-]+") ? text : "'" + text.replace("'", "'\\''") + "'");
    }

    private static String cut(String word) {
        boolean isPath = word.indexOf('/') >= 0 && word.length() <= MAX_PATH;
        return isPath ? word : beginning(word, SHOWN_OF_A_LONG_WORD);
    }

    private static String beginning(String text, int chars) {
        int end = Character.isHighSurrogate(text.charAt(chars - 1)) ? chars - 1 : chars;
        return text.substring(0, end) + String.format(Locale.ROOT, "… (%,d characters)", text.length());
    }

    private static String escape(String text, String kept) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            if (kept.indexOf(c) >= 0 || !isHidden(c)) {
                out.appendCodePoint(c);
                return;
            }
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> out.append(String.format(Locale.ROOT, c > 0xffff ? "\\U%08x" : "\\u%04x", c));
            }
        });
        return out.toString();
    }

    private static boolean isHidden(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT, // bidirectional marks, zero widths, tags
                    Character.SURROGATE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> true;
            default -> INVISIBLE.indexOf(codePoint) >= 0;
        };
    }
}
