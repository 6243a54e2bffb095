package io.mmpo.train;

import java.util.List;

/** Asks to stop once an optimizer step is done, as a signal would, and adds what it is told to the messages. */
final class StopAfter implements ProgressListener {
    private final int lastStep;
    private final List<String> messages;
    private boolean stop;

    StopAfter(int lastStep, List<String> messages) {
        this.lastStep = lastStep;
        this.messages = messages;
    }

    @Override
    public void message(String text) {
        messages.add(text);
    }

    @Override
    public void advanced(Phase phase, long done, long numRows) {
        stop |= phase == Phase.TRAINING && done == lastStep;
    }

    @Override
    public boolean stopRequested() {
        return stop;
    }
}
