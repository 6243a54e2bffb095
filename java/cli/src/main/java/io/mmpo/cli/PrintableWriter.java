package io.mmpo.cli;

import io.mmpo.PrintableText;
import java.io.FilterWriter;
import java.io.IOException;
import java.io.Writer;

/** Passes on text with escapes for what a terminal would obey, whoever writes it: messages hold names and rows from outside. */
final class PrintableWriter extends FilterWriter {
    /** The first half of a character whose second comes with the next call. */
    private String pending = "";

    PrintableWriter(Writer out) {
        super(out);
    }

    @Override
    public void write(int c) throws IOException {
        write(String.valueOf((char) c), 0, 1);
    }

    @Override
    public void write(char[] text, int offset, int length) throws IOException {
        write(new String(text, offset, length), 0, length);
    }

    @Override
    public void write(String text, int offset, int length) throws IOException {
        String all = pending + text.substring(offset, offset + length);
        boolean halved = !all.isEmpty() && Character.isHighSurrogate(all.charAt(all.length() - 1));
        pending = halved ? all.substring(all.length() - 1) : "";
        out.write(PrintableText.lines(halved ? all.substring(0, all.length() - 1) : all));
    }
}
