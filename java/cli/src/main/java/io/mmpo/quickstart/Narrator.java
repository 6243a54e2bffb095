package io.mmpo.quickstart;

import java.io.PrintWriter;
import java.util.Locale;

/** Prints what a quickstart does, each step with the seconds since its start. */
final class Narrator {
    private final PrintWriter out;
    private final long startNanos = System.nanoTime();

    Narrator(PrintWriter out) {
        this.out = out;
    }

    void step(String format, Object... arguments) {
        out.printf(Locale.ROOT, "[%6.1f s] ", (System.nanoTime() - startNanos) * 1e-9);
        say(format, arguments);
    }

    void say(String format, Object... arguments) {
        out.println(String.format(Locale.ROOT, format, arguments));
        out.flush();
    }
}
