package io.mmpo.cli;

import io.mmpo.data.Reading;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** A line now and then on what takes long: nothing in the first seconds, and then a few a minute. */
final class ReadingLines {
    private static final long FIRST_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final double MIB = 1 << 20;

    private final PrintWriter err;
    private long nextNanos = System.nanoTime() + FIRST_NANOS;

    ReadingLines(PrintWriter err) {
        this.err = err;
    }

    /** what: the data set's name in the line. */
    void reading(String what, Reading reading) {
        tell(() -> "reading " + describe(what, reading));
    }

    void scoring(int scored, String what, Reading reading) {
        tell(() -> String.format(Locale.ROOT, "%,d rows scored; read: %s", scored, describe(what, reading)));
    }

    /** line: asked where it is time. */
    void tell(Supplier<String> line) {
        if (System.nanoTime() - nextNanos >= 0) {
            nextNanos = System.nanoTime() + INTERVAL_NANOS;
            err.println(line.get());
        }
    }

    static String describe(String what, Reading reading) {
        return String.format(
                Locale.ROOT,
                "%s: %,d rows, %.1f of %.1f MiB (%.0f%%)",
                what,
                reading.rows(),
                reading.bytes() / MIB,
                reading.totalBytes() / MIB,
                100.0 * reading.bytes() / Math.max(1, reading.totalBytes()));
    }
}
