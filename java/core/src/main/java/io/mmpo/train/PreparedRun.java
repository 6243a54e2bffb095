package io.mmpo.train;

import io.mmpo.run.RunCheckpoint;
import java.util.Optional;

/**
 * A run that is ready for its steps, which change nothing of it.
 *
 * @param order of the rows in each epoch
 * @param dataFingerprint of the training rows
 * @param training rows with the references that its steps need
 * @param evaluation empty where nothing is evaluated
 * @param referenceSeconds that the references took
 * @param from the checkpoint that the run goes on from
 */
record PreparedRun(
        StepPlan plan,
        RowOrder order,
        String dataFingerprint,
        RowSet training,
        Optional<RowSet> evaluation,
        double referenceSeconds,
        Optional<RunCheckpoint> from) {
    /** Steps that were made before. */
    int firstStep() {
        return from.map(checkpoint -> checkpoint.state().globalStep()).orElse(0);
    }
}
