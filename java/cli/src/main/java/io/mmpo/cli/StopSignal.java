package io.mmpo.cli;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * SIGINT, SIGTERM and SIGHUP ask the run to stop after its micro-batch. A second one ends the process, which removes what it has half
 * written; a third ends it at once. A SIGHUP is never a second one: a terminal that closes sends several. Under nohup it is not heard.
 */
final class StopSignal implements AutoCloseable {
    private static final String HANGUP = "HUP";
    private static final String STOPPING =
            "stopping: what was begun is finished and kept; another signal ends it at once";

    private static volatile boolean anyReceived;

    private final Map<Signal, SignalHandler> previous = new LinkedHashMap<>();
    private volatile int received;
    private volatile boolean hungUp;
    private volatile Runnable onFirst = () -> {};
    private volatile Optional<PrintWriter> told = Optional.empty();

    private StopSignal() {}

    /** err: is told at once that the first one was heard, since what was begun may take a while. */
    static StopSignal install(PrintWriter err) {
        StopSignal stop = install();
        stop.told = Optional.of(err);
        return stop;
    }

    static StopSignal install() {
        StopSignal stop = new StopSignal();
        for (String name : new String[] {"INT", "TERM", HANGUP}) {
            Signal signal = new Signal(name);
            stop.previous.put(signal, Signal.handle(signal, stop::received));
        }
        return stop;
    }

    boolean requested() {
        return received > 0 || hungUp;
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
        boolean isFirst = !requested();
        anyReceived = true;
        if (signal.getName().equals(HANGUP)) {
            hungUp = true;
        } else {
            received++; // signals are handled one after another
        }
        boolean isOfTerminal = signal.getName().equals("INT")
                && System.console() != null
                && System.console().isTerminal();
        if (isFirst && !isOfTerminal) {
            onFirst.run();
        }
        if (isFirst) {
            told.ifPresent(err -> inBackground(() -> err.println(STOPPING))); // which may wait for a reader
        }
        if (received > 2) {
            Runtime.getRuntime().halt(ExitCode.INTERRUPTED);
        }
        if (received > 1) {
            inBackground(() -> System.exit(ExitCode.INTERRUPTED)); // a third signal must be heard
        }
    }

    private static void inBackground(Runnable action) {
        Thread thread = new Thread(action, "mmpo-stop");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        previous.forEach(Signal::handle);
    }
}
