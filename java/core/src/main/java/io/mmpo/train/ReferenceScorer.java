package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.nativelib.NativeModel;
import java.util.Arrays;

/** Reference log-probabilities of every completion, computed once with frozen weights. */
final class ReferenceScorer {
    private ReferenceScorer() {}

    /**
     * [rows of the data set][completions of the row], for the rows at {@code indices}; not all of them where the listener asked
     * to stop, so that the caller must look at that.
     */
    static double[][] score(
            NativeModel model, TokenizedDataset dataset, int[] indices, int batchSize, ProgressListener listener) {
        RowSet rows = new RowSet(dataset, null);
        double[][] logps = new double[rows.size()][];
        listener.started(ProgressListener.Phase.REFERENCE, 0, indices.length);
        for (int first = 0; first < indices.length && !listener.stopRequested(); first += batchSize) {
            int end = Math.min(indices.length, first + batchSize);
            MicroBatch batch = rows.collate(indices, first, end);
            double[] flat = Failures.explain(
                    () -> model.logps(batch.packed()),
                    () -> "computing reference log-probabilities of " + Failures.describe(batch.rows()));
            int completion = 0;
            for (int group = 0; group < batch.numGroups(); group++) {
                int size = batch.packed().groupSizes()[group];
                double[] ofGroup = Arrays.copyOfRange(flat, completion, completion + size);
                requireFinite(ofGroup, batch.rows()[group]);
                logps[indices[first + group]] = ofGroup;
                completion += size;
            }
            listener.advanced(ProgressListener.Phase.REFERENCE, end, end);
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
