package io.mmpo.data;

import io.mmpo.MmpoException;
import java.nio.file.Path;

/**
 * Where a row stands.
 *
 * @param row 0-based
 * @param line 1-based
 */
record RowPlace(Path file, int row, long line) {
    MmpoException error(String format, Object... arguments) {
        return MmpoException.data("%s, line %d: %s.", file, line, String.format(format, arguments));
    }

    /** The same error, with the place before it. */
    MmpoException locate(MmpoException error) {
        return MmpoException.of(error.kind(), error, "%s, line %d: %s", file, line, error.getMessage());
    }
}
