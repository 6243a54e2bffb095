package io.mmpo.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A table; the first cell of a row is its heading.
 *
 * @param id of files and anchors: letters, digits, hyphens
 */
record Table(String id, String caption, List<String> header, List<List<Cell>> rows) {
    /**
     * @param text as people read it
     * @param exact as a program does; empty where there is nothing
     */
    record Cell(String text, String exact, boolean isNumber) {}

    static final Cell NONE = new Cell("–", "", true);

    static Cell text(String text) {
        return new Cell(text, text, false);
    }

    /** A word among numbers, which stands where they do. */
    static Cell value(String text) {
        return new Cell(text, text, true);
    }

    /** A number that is none has a cell that says so, and is no missing one. */
    static Cell number(double value) {
        String exact = value == Math.rint(value) && Math.abs(value) < 1e15
                ? Long.toString((long) value)
                : Double.toString(value);
        return new Cell(NumberText.of(value), exact, true);
    }

    /** Every so-manieth row, the last one always, so that there are at most so many. */
    Table thinned(int most) {
        if (rows.size() <= most) {
            return this;
        }
        int stride = (rows.size() + most - 2) / (most - 1);
        List<List<Cell>> kept = new ArrayList<>();
        for (int i = 0; i < rows.size() - 1; i += stride) {
            kept.add(rows.get(i));
        }
        kept.add(rows.getLast());
        String words = caption + " (one of " + stride + " rows; the CSV file has all " + rows.size() + ")";
        return new Table(id, words, header, List.copyOf(kept));
    }

    String toCsv() {
        StringBuilder csv = new StringBuilder(line(header));
        rows.forEach(row -> csv.append(line(row.stream().map(Cell::exact).toList())));
        return csv.toString();
    }

    private static String line(List<String> cells) {
        return cells.stream().map(Table::quoted).collect(Collectors.joining(",")) + "\n";
    }

    private static String quoted(String text) {
        return text.matches("[^\",\r\n]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
    }
}
