package io.mmpo.report;

/** How wide words will be, at most in common fonts: layouts must not depend on those of a machine. */
final class TextWidth {
    private static final double NARROW = 0.38;
    private static final double USUAL = 0.64;
    private static final double CAPITAL = 0.80;
    private static final double WIDE = 1.0;
    private static final double BOLD = 1.1;
    private static final int FIRST_WIDE = 0x1100;

    private TextWidth() {}

    static double ofBold(String text, double size) {
        return BOLD * of(text, size);
    }

    static double of(String text, double size) {
        return size * text.codePoints().mapToDouble(TextWidth::ofLetter).sum();
    }

    private static double ofLetter(int c) {
        if (c >= FIRST_WIDE && c != '…' && c != '−' && c != '–') {
            return WIDE;
        }
        if ("ijlIft.,:;|!'()[]/ -".indexOf(c) >= 0) {
            return NARROW;
        }
        return Character.isUpperCase(c) || c == 'm' || c == 'w' || c == '…' ? CAPITAL : USUAL;
    }

    /** In bold: the whole, or its beginning and its end, which tell runs apart, with an ellipsis between. */
    static String fitted(String text, double size, double width) {
        if (ofBold(text, size) <= width) {
            return text;
        }
        int[] letters = text.codePoints().toArray();
        for (int kept = letters.length - 1; kept > 1; kept--) {
            int head = kept / 2;
            String shorter = new String(letters, 0, head) + "…"
                    + new String(letters, letters.length - (kept - head), kept - head);
            if (ofBold(shorter, size) <= width) {
                return shorter;
            }
        }
        return "…";
    }
}
