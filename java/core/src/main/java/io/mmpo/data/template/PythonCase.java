package io.mmpo.data.template;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Upper and lower case as Python's str has them. */
final class PythonCase {
    private static final int BLOCK = 4096;

    private PythonCase() {}

    static String upper(String text) {
        return inBlocks(text, PythonCase::upperBlock);
    }

    /** Java copies all of a text for every character that becomes several: those go one by one. */
    private static String upperBlock(String block) {
        if (block.chars().noneMatch(PythonCase::mayBecomeSeveral)) {
            return block.toUpperCase(Locale.ROOT);
        }
        Map<Integer, String> several = new HashMap<>();
        StringBuilder out = new StringBuilder(2 * block.length());
        for (int i = 0; i < block.length(); ) {
            int c = block.codePointAt(i);
            i += Character.charCount(c);
            if (mayBecomeSeveral(c)) {
                out.append(several.computeIfAbsent(
                        c, one -> Character.toString(one).toUpperCase(Locale.ROOT)));
            } else {
                out.appendCodePoint(Character.toUpperCase(c));
            }
        }
        return out.toString();
    }

    /** Blocks of Unicode with such letters: sharp s, Greek with accents, ligatures. */
    private static boolean mayBecomeSeveral(int c) {
        return c == 0xdf
                || c == 0x149
                || c == 0x1f0
                || c == 0x390
                || c == 0x3b0
                || c == 0x587
                || (c >= 0x1e96 && c <= 0x1e9a)
                || (c >= 0x1f50 && c <= 0x1ffc)
                || (c >= 0xfb00 && c <= 0xfb17);
    }

    /** The one letter that becomes two in lower case is replaced first, for the same reason. */
    static String lower(String text) {
        return inBlocks(text, block -> block.replace("\u0130", "i\u0307").toLowerCase(Locale.ROOT));
    }

    /** A long text is turned block by block, cut at spaces, with a look at the clock between. */
    private static String inBlocks(String text, UnaryOperator<String> body) {
        RenderLimits.text(text.length());
        if (text.length() <= BLOCK) {
            return body.apply(text);
        }
        StringBuilder out = new StringBuilder(text.length());
        for (int start = 0, end; start < text.length(); start = end) {
            int space = text.lastIndexOf(' ', start + BLOCK);
            end = space > start ? space : Math.min(text.length(), start + BLOCK);
            if (end < text.length() && Character.isLowSurrogate(text.charAt(end))) {
                end--;
            }
            out.append(body.apply(text.substring(start, end)));
            RenderLimits.checkTime();
        }
        if (out.length() > text.length()) {
            RenderLimits.text(out.length(), text.length());
        }
        return out.toString();
    }

    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return titled(text.codePointAt(0)) + lower(text.substring(first));
    }

    /** Some characters have a form of their own at the start of a word; the others' may be two characters. */
    private static String titled(int c) {
        int title = Character.toTitleCase(c);
        if (title != Character.toUpperCase(c) || title != c) {
            return Character.toString(title);
        }
        String upper = Character.toString(c).toUpperCase(Locale.ROOT);
        return upper.codePointCount(0, upper.length()) < 2
                ? upper
                : upper.substring(0, 1) + upper.substring(1).toLowerCase(Locale.ROOT);
    }

    /** A letter begins a word where no letter stands before it. */
    static String title(String text) {
        RenderLimits.text(text.length());
        StringBuilder out = new StringBuilder(text.length());
        boolean inWord = false;
        for (int i = 0; i < text.length(); ) {
            RenderLimits.tick();
            int c = text.codePointAt(i);
            out.append(inWord ? Character.toString(Character.toLowerCase(c)) : titled(c));
            inWord = Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
            i += Character.charCount(c);
        }
        return out.toString();
    }

    static String swapCase(String text) {
        RenderLimits.text(text.length());
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); ) {
            RenderLimits.tick();
            int c = text.codePointAt(i);
            String character = Character.toString(c);
            out.append(
                    Character.isUpperCase(c) ? character.toLowerCase(Locale.ROOT) : character.toUpperCase(Locale.ROOT));
            i += Character.charCount(c);
        }
        return out.toString();
    }
}
