package io.mmpo.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * SIGINT and SIGTERM ask the run to stop after its micro-batch. A second one ends the process, which removes what it has half
 * written; a third ends it at once.
 */
final class StopSignal implements AutoCloseable {
    private static volatile boolean anyReceived;

    private final Map<Signal, SignalHandler> previous = new LinkedHashMap<>();
    private volatile int received;
    private volatile Runnable onFirst = () -> {};

    private StopSignal() {}

    static StopSignal install() {
        StopSignal stop = new StopSignal();
        for (String name : new String[] {"INT", "TERM"}) {
            Signal signal = new Signal(name);
            stop.previous.put(signal, Signal.handle(signal, stop::received));
        }
        return stop;
    }

    boolean requested() {
        return received > 0;
    }

    /** Whether one has come since the program began. */
    static boolean wasReceived() {
        return anyReceived;
    }

    /**
     * What the first signal does beside. A terminal's interrupt goes to all processes that were started from it, so that there is nothing to
     * hand on.
     */
    void onFirst(Runnable action) {
        onFirst = action;
    }

    @SuppressWarnings("NonAtomicOperationOnVolatileField")
    private synchronized void received(Signal signal) {
        received++; // signals are handled one after another
        anyReceived = true;
        boolean isOfTerminal = signal.getName().equals("INT")
                && System.console() != null
                && System.console().isTerminal();
        if (received == 1 && !isOfTerminal) {
            onFirst.run();
        }
        if (received > 2) {
            Runtime.getRuntime().halt(ExitCode.INTERRUPTED);
        }
        if (received > 1) {
            new Thread(() -> System.exit(ExitCode.INTERRUPTED), "mmpo-exit").start(); // a third signal must be heard
        }
    }

    @Override
    public void close() {
        previous.forEach(Signal::handle);
    }
}
