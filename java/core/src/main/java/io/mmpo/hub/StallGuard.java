package io.mmpo.hub;

import java.io.IOException;
import java.io.InputStream;

/** Closes a stream from which nothing has come for too long, so that its reader fails instead of waiting for ever. */
final class StallGuard implements AutoCloseable {
    static final long MAX_SILENCE_MILLIS = 60_000;

    private final InputStream stream;
    private final Thread thread;
    private volatile long lastNanos = System.nanoTime();

    private StallGuard(InputStream stream) {
        this.stream = stream;
        this.thread = Thread.ofVirtual().name("mmpo-hub-stall").unstarted(this::watch);
    }

    static StallGuard on(InputStream stream) {
        StallGuard guard = new StallGuard(stream);
        guard.thread.start();
        return guard;
    }

    void progressed() {
        lastNanos = System.nanoTime();
    }

    private void watch() {
        try {
            long silence = 0;
            while (silence < MAX_SILENCE_MILLIS) {
                Thread.sleep(MAX_SILENCE_MILLIS - silence);
                silence = (System.nanoTime() - lastNanos) / 1_000_000;
            }
            stream.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // the stream has been read
        } catch (IOException e) {
            // Its reader meets the same failure.
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
