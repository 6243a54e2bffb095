package io.mmpo.eval.judge;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** When the next question may be sent. A server that is busy is so for every thread. */
final class Pace {
    private static final long SLICE_MILLIS = 50;

    private long earliestNanos = System.nanoTime();

    synchronized void hold(Duration pause) {
        long until = System.nanoTime() + pause.toNanos();
        if (until - earliestNanos > 0) {
            earliestNanos = until;
        }
    }

    private synchronized long nanosLeft() {
        return earliestNanos - System.nanoTime();
    }

    /** False where it was cancelled meanwhile. */
    boolean await(BooleanSupplier cancelled) throws InterruptedException {
        while (true) {
            if (cancelled.getAsBoolean()) {
                return false;
            }
            long left = nanosLeft();
            if (left <= 0) {
                return true;
            }
            Thread.sleep(Math.min(SLICE_MILLIS, left / 1_000_000 + 1));
        }
    }
}
