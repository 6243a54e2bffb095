package io.mmpo.data.rows;

import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much text a packed file may become: a bomb of a few kilobytes would otherwise keep a machine busy for ever. */
final class ExpansionLimit {
    private static final long ALWAYS_ALLOWED = 256L << 20;
    private static final long MAX_RATIO = 1000;

    private final long maxBytes;
    private long bytes;

    private ExpansionLimit(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** Of rows that are unpacked already. */
    static ExpansionLimit none() {
        return new ExpansionLimit(Long.MAX_VALUE);
    }

    static ExpansionLimit of(Path file) {
        try {
            return new ExpansionLimit(Math.max(ALWAYS_ALLOWED, MAX_RATIO * Files.size(file)));
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
    }

    void add(RowFile.Row row) throws MmpoException {
        bytes += row.bytes();
        if (bytes > maxBytes) {
            throw row.place()
                    .error(
                            "the rows up to this one are %d MiB of text, more than %d times the file; unpack the file if that is meant",
                            bytes >> 20, MAX_RATIO);
        }
    }
}
