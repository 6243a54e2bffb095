package io.mmpo.data;

import io.mmpo.PrintableText;

/** Text from a file as an error message or a terminal shows it: short, on one line, without control characters. */
final class Excerpt {
    private static final int MAX_CHARS = 80;

    private Excerpt() {}

    static String of(String text) {
        return PrintableText.excerpt(text, MAX_CHARS);
    }

    static String printable(String text) {
        return PrintableText.line(text);
    }
}
