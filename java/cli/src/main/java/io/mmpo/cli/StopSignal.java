package io.mmpo.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/** SIGINT and SIGTERM ask the run to stop after its micro-batch; a second one ends the process at once. */
final class StopSignal implements AutoCloseable {
    private final Map<Signal, SignalHandler> previous = new LinkedHashMap<>();
    private volatile boolean requested;

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
        return requested;
    }

    private void received(Signal signal) {
        if (requested) {
            Runtime.getRuntime().halt(ExitCode.INTERRUPTED);
        }
        requested = true;
    }

    @Override
    public void close() {
        previous.forEach(Signal::handle);
    }
}
