package io.mmpo.train;

import io.mmpo.RunMetrics;
import io.mmpo.data.Reading;
import java.nio.file.Path;

/** Hears how a run goes, on the thread that trains, and may ask it to stop. */
public interface ProgressListener {
    /** What a run is busy with; units are rows, for TRAINING optimizer steps. */
    enum Phase {
        REFERENCE,
        TRAINING,
        EVALUATION
    }

    /** A total that is not known yet. */
    int UNKNOWN = -1;

    /** Something to tell the reader, one line. */
    default void message(String line) {}

    /** A phase begins at {@code done} of {@code total} units, of {@link #UNKNOWN} ones while rows are still tokenized. */
    default void started(Phase phase, long done, long total) {}

    /** The total of a phase that began without one. */
    default void totalKnown(Phase phase, long total) {}

    /** {@code done} units of the phase are done, {@code rows} rows since it began. */
    default void advanced(Phase phase, long done, long rows) {}

    default void finished(Phase phase) {}

    /** A data set's files are being read, and this far; told some times a second while the run waits for them. */
    default void reading(String purpose, Reading reading) {}

    /** A data set is ready: of its rows so many were tokenized, 0 where they came from the cache. */
    default void tokenized(String purpose, int rowsTokenized) {}

    /**
     * The reference log-probabilities of a data set are ready.
     *
     * @param computed rows that went through the model because the cache did not have them
     * @param cached rows whose values were read from it
     * @param compared cached rows that went through the model once more, to see that they are this model's
     */
    default void scoredReference(int computed, int cached, int compared) {}

    /** A line of metrics was written to metrics.jsonl. */
    default void logged(RunMetrics line) {}

    default void saved(Path directory) {}

    /** Asked after each micro-batch, and while rows are read: true saves a checkpoint, where there is something to save, and ends the run. */
    default boolean stopRequested() {
        return false;
    }

    static ProgressListener silent() {
        return new ProgressListener() {};
    }
}
