package io.mmpo.data.rows;

import io.mmpo.MmpoException;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Where a row stands.
 *
 * @param row 0-based, in its file
 * @param unit what number counts: lines of a text, rows of a table
 * @param number 1-based
 */
public record RowPlace(Path file, int row, String unit, long number) {
    public static RowPlace line(Path file, int row, long line) {
        return new RowPlace(file, row, "line", line);
    }

    static RowPlace row(Path file, int row) {
        return new RowPlace(file, row, "row", row + 1L);
    }

    public MmpoException error(String format, Object... arguments) {
        return MmpoException.data("%s, %s %d: %s.", file, unit, number, String.format(Locale.ROOT, format, arguments));
    }

    /** The same error, with the place before it. */
    public MmpoException locate(MmpoException error) {
        return MmpoException.of(error.kind(), error, "%s, %s %d: %s", file, unit, number, error.getMessage());
    }
}
