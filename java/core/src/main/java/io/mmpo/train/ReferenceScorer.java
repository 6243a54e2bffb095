package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.nativelib.NativeModel;
import java.util.Arrays;

/** Reference log-probabilities of every completion, computed once with frozen weights. */
final class ReferenceScorer {
    private ReferenceScorer() {}

    /** [rows][completions of the row]; shorter where the listener asked to stop, so that the caller must look at that. */
    static double[][] score(NativeModel model, TokenizedDataset dataset, int batchSize, ProgressListener listener) {
        RowSet rows = new RowSet(dataset, null);
        double[][] logps = new double[rows.size()][];
        listener.started(ProgressListener.Phase.REFERENCE, 0, rows.size());
        int row = 0;
        for (int i = 0; i < rows.numBatches(batchSize) && !listener.stopRequested(); i++) {
            MicroBatch batch = rows.batch(i, batchSize);
            double[] flat = Failures.explain(
                    () -> model.logps(batch.packed()),
                    () -> "computing reference log-probabilities of " + Failures.describe(batch.rows()));
            int completion = 0;
            for (int group = 0; group < batch.numGroups(); group++) {
                int size = batch.packed().groupSizes()[group];
                logps[row] = Arrays.copyOfRange(flat, completion, completion + size);
                requireFinite(logps[row], batch.rows()[group]);
                completion += size;
                row++;
            }
            listener.advanced(ProgressListener.Phase.REFERENCE, row, row);
        }
        listener.finished(ProgressListener.Phase.REFERENCE);
        return logps;
    }

    private static void requireFinite(double[] logps, int row) {
        if (!Arrays.stream(logps).allMatch(Double::isFinite)) {
            throw MmpoException.training(
                    "The reference model gives row %d a log-probability that is not a finite number; check the model's weights",
                    row + 1);
        }
    }
}
