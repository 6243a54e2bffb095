package example.embed;

import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZonedDateTime;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Begins to tune every day at one time of the clock, where there is something to learn. */
final class Nightly implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Nightly.class.getName());

    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().factory());
    private final LocalTime time;
    private final Tuner tuner;

    Nightly(LocalTime time, Tuner tuner) {
        this.time = time;
        this.tuner = tuner;
        await();
    }

    /** Each day's time is computed anew, so that it stays the clock's when the clock is put forward or back. */
    private void await() {
        ZonedDateTime now = ZonedDateTime.now();
        ZonedDateTime next = now.with(time);
        if (!next.isAfter(now)) {
            next = now.plusDays(1).with(time);
        }
        clock.schedule(this::tune, Duration.between(now, next).toMillis() + 1, TimeUnit.MILLISECONDS);
    }

    private void tune() {
        try {
            LOG.log(Level.INFO, "tuning at {0}: {1}", time, tuner.start());
        } catch (Exception e) {
            LOG.log(Level.ERROR, "tuning at " + time + " could not begin", e);
        } finally {
            await();
        }
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}
