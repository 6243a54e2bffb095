package io.mmpo.track;

import io.mmpo.RunMetrics;

/** Where a run's metrics go beside metrics.jsonl. Its methods are called on the thread that trains. */
public interface Tracker extends AutoCloseable {
    /** How a run ended. */
    enum Ending {
        FINISHED,
        /** Asked to stop; it may go on. */
        INTERRUPTED
    }

    /** A line of metrics.jsonl. */
    void log(RunMetrics line);

    /** A run that is closed without it failed. */
    void ended(Ending ending);

    @Override
    void close();
}
