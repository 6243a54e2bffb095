package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.function.IntPredicate;

/** Operations of Python's str. Lengths and indices count code points; whatever grows is counted before it is made. */
final class PythonText {
    /** Comparisons of characters between two looks at the clock. */
    private static final long SEARCH_BLOCK = 1L << 26;

    private PythonText() {}

    /** str.isspace. */
    static boolean isSpace(int c) {
        return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f) || c == 0x85 || Character.isSpaceChar(c);
    }

    static Iterator<Object> characters(String text) {
        return new Iterator<>() {
            private int next;

            @Override
            public boolean hasNext() {
                return next < text.length();
            }

            @Override
            public Object next() {
                int c = text.codePointAt(next);
                next += Character.charCount(c);
                return Character.toString(c);
            }
        };
    }

    /** By code points, where Java compares halves of pairs. */
    static int compare(String a, String b) {
        int end = Math.min(a.length(), b.length());
        for (int i = 0; i < end; i++) {
            char left = a.charAt(i);
            char right = b.charAt(i);
            if (left != right) {
                boolean pairs = Character.isSurrogate(left) != Character.isSurrogate(right);
                return pairs ? (Character.isSurrogate(left) ? 1 : -1) : Character.compare(left, right);
            }
        }
        return Integer.compare(a.length(), b.length());
    }

    static String strip(String text, IntPredicate unwanted, boolean left, boolean right) {
        int start = 0;
        int end = text.length();
        while (left && start < end && unwanted.test(text.codePointAt(start))) {
            start += Character.charCount(text.codePointAt(start));
        }
        while (right && end > start && unwanted.test(text.codePointBefore(end))) {
            end -= Character.charCount(text.codePointBefore(end));
        }
        RenderLimits.text(end - start);
        return text.substring(start, end);
    }

    /** In chars; -1 for none. The clock is looked at on the way, as the work may be the product of two lengths. */
    static int indexOf(String text, String part, int from) {
        int last = text.length() - part.length();
        int block = Math.clamp(SEARCH_BLOCK / Math.max(1, part.length()), 1, Integer.MAX_VALUE / 4);
        for (int start = from; start <= last; start += block) {
            RenderLimits.checkLong(text.length());
            int end = (int) Math.min(text.length(), (long) start + block - 1 + part.length());
            int at = text.indexOf(part, start, end);
            if (at >= 0) {
                return at;
            }
        }
        return -1;
    }

    /** The last place whose end is not behind the given one; in chars. */
    static int lastIndexOf(String text, String part, int end) {
        int first = end - part.length();
        long work = SEARCH_BLOCK;
        for (int at = first; at >= 0; at--) {
            if (text.startsWith(part, at)) {
                return at;
            }
            work -= part.length();
            if (work < 0) {
                work = SEARCH_BLOCK;
                RenderLimits.checkTime();
            }
        }
        return -1;
    }

    static List<Object> split(String text, String separator, int limit) {
        requireSeparator(separator);
        List<Object> parts = new ArrayList<>();
        int start = 0;
        while (limit < 0 || parts.size() < limit) {
            int at = indexOf(text, separator, start);
            if (at < 0) {
                break;
            }
            addPart(parts, text, start, at);
            start = at + separator.length();
        }
        addPart(parts, text, start, text.length());
        return parts;
    }

    static List<Object> splitFromRight(String text, String separator, int limit) {
        requireSeparator(separator);
        List<Object> parts = new ArrayList<>();
        int end = text.length();
        while (limit < 0 || parts.size() < limit) {
            int at = lastIndexOf(text, separator, end);
            if (at < 0) {
                break;
            }
            addPart(parts, text, at + separator.length(), end);
            end = at;
        }
        addPart(parts, text, 0, end);
        Collections.reverse(parts);
        return parts;
    }

    private static void requireSeparator(String separator) {
        if (separator.isEmpty()) {
            throw new TemplateException("split needs a separator that is not empty");
        }
    }

    private static void addPart(List<Object> parts, String text, int start, int end) {
        RenderLimits.item(parts.size());
        RenderLimits.text(end - start);
        parts.add(text.substring(start, end));
    }

    /** Words; the rest after the last cut stays as it is. */
    static List<Object> splitAtSpaces(String text, int limit) {
        List<Object> parts = new ArrayList<>();
        int i = 0;
        while (true) {
            while (i < text.length() && isSpace(text.charAt(i))) {
                i++;
            }
            if (i == text.length()) {
                return parts;
            }
            int start = i;
            if (limit >= 0 && parts.size() >= limit) {
                addPart(parts, text, start, text.length());
                return parts;
            }
            while (i < text.length() && !isSpace(text.charAt(i))) {
                i++;
            }
            addPart(parts, text, start, i);
        }
    }

    static List<Object> splitAtSpacesFromRight(String text, int limit) {
        List<Object> parts = new ArrayList<>();
        int i = text.length();
        while (true) {
            while (i > 0 && isSpace(text.charAt(i - 1))) {
                i--;
            }
            if (i == 0) {
                break;
            }
            int end = i;
            if (limit >= 0 && parts.size() >= limit) {
                addPart(parts, text, 0, end);
                break;
            }
            while (i > 0 && !isSpace(text.charAt(i - 1))) {
                i--;
            }
            addPart(parts, text, i, end);
        }
        Collections.reverse(parts);
        return parts;
    }

    static List<Object> lines(String text, boolean keepEnds) {
        List<Object> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            if (isLineEnd(text.charAt(i))) {
                int end = i;
                if (text.charAt(i) == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n') {
                    i++;
                }
                addPart(lines, text, start, keepEnds ? i + 1 : end);
                start = i + 1;
            }
        }
        if (start < text.length()) {
            addPart(lines, text, start, text.length());
        }
        return lines;
    }

    private static boolean isLineEnd(char c) {
        return (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
    }

    static String replace(String text, String from, String to, int limit) {
        long occurrences = from.isEmpty() ? text.codePointCount(0, text.length()) + 1L : count(text, from);
        long replaced = limit < 0 ? occurrences : Math.min(limit, occurrences);
        if (replaced == 0) {
            return text;
        }
        RenderLimits.text(text.length() + replaced * (to.length() - from.length()));
        StringBuilder out = new StringBuilder();
        int position = 0;
        for (long i = 0; i < replaced; i++) {
            RenderLimits.tick();
            if (from.isEmpty()) { // before every character, and behind the last
                out.append(to);
                int next = position < text.length() ? text.offsetByCodePoints(position, 1) : position;
                out.append(text, position, next);
                position = next;
            } else {
                int at = indexOf(text, from, position);
                out.append(text, position, at).append(to);
                position = at + from.length();
            }
        }
        return out.append(text, position, text.length()).toString();
    }

    static long count(String text, String part) {
        if (part.isEmpty()) {
            return text.codePointCount(0, text.length()) + 1L;
        }
        long count = 0;
        for (int at = indexOf(text, part, 0); at >= 0; at = indexOf(text, part, at + part.length())) {
            RenderLimits.tick();
            count++;
        }
        return count;
    }

    static String join(Iterator<?> parts, String separator) {
        StringBuilder out = new StringBuilder();
        for (boolean first = true; parts.hasNext(); first = false) {
            RenderLimits.tick();
            String part = PythonValues.text(parts.next());
            RenderLimits.text(out.length() + (first ? 0L : separator.length()) + part.length(), out.length());
            out.append(first ? "" : separator).append(part);
        }
        return out.toString();
    }

    static String repeat(String text, Object times) {
        int count = Math.max(0, PythonNumbers.clamped(times));
        RenderLimits.text((long) text.length() * count);
        return text.repeat(count);
    }

    static String concat(String left, String right) {
        RenderLimits.text((long) left.length() + right.length());
        return left.concat(right);
    }

    /** Fills up to a width in code points: a share of the fill to the left, the rest to the right. */
    static String pad(String text, Object width, String fill, java.util.function.IntUnaryOperator left) {
        long length = text.codePointCount(0, text.length());
        long missing = PythonNumbers.clamped(width) - length;
        if (missing <= 0) {
            return text;
        }
        RenderLimits.text(text.length() + missing * fill.length());
        int before = left.applyAsInt((int) missing);
        return fill.repeat(before) + text + fill.repeat((int) missing - before);
    }

    /** Where the odd one goes, as CPython has it. */
    static String center(String text, Object width, String fill) {
        int odd = PythonNumbers.clamped(width) & 1;
        return pad(text, width, fill, missing -> missing / 2 + (missing & odd & 1));
    }

    /** The text from one code point to another, with a step; start, stop and step as a slice has them. */
    static String slice(String text, Slice slice) {
        int length = text.codePointCount(0, text.length());
        Slice.Range range = slice.over(length);
        boolean narrow = length == text.length();
        if (range.size() == 0) {
            return "";
        }
        if (range.step() == 1) {
            int start = narrow ? range.start() : text.offsetByCodePoints(0, range.start());
            int end = narrow ? start + range.size() : text.offsetByCodePoints(start, range.size());
            RenderLimits.text(end - start);
            return text.substring(start, end);
        }
        RenderLimits.text(2L * range.size());
        int[] characters = narrow ? null : text.codePoints().toArray();
        StringBuilder out = new StringBuilder(range.size());
        for (int i = 0; i < range.size(); i++) {
            int at = range.start() + i * range.step();
            out.appendCodePoint(characters == null ? text.charAt(at) : characters[at]);
        }
        return out.toString();
    }

    /** The character at a code point's index; null where there is none. */
    static String at(String text, long index) {
        int length = text.codePointCount(0, text.length());
        long fromStart = index < 0 ? index + length : index;
        if (fromStart < 0 || fromStart >= length) {
            return null;
        }
        int at = length == text.length() ? (int) fromStart : text.offsetByCodePoints(0, (int) fromStart);
        return Character.toString(text.codePointAt(at));
    }
}
