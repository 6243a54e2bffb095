package io.mmpo;

import java.nio.file.Path;

/**
 * Hears how a run goes, on the thread that trains, which waits meanwhile. What it throws ends the run, and is thrown where the run is
 * waited for.
 */
public interface TrainingListener {
    /** Something to tell a reader, one line. */
    default void message(String line) {}

    /** Some more of a phase is done. */
    default void progress(TrainingRun.Progress progress) {}

    /** Means of the steps since the last of these lines. */
    default void step(StepMetrics metrics) {}

    default void evaluation(Evaluation evaluation) {}

    /** Tests of ability, where {@code eval_tasks} names some. */
    default void taskEvaluation(TaskEvaluation evaluation) {}

    /** The run has come to its end. */
    default void finished(TrainingSummary summary) {}

    /** A checkpoint or the final model was written. */
    default void saved(Path directory) {}
}
