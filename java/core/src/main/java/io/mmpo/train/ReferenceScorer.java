package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.nativelib.NativeModel;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Reference log-probabilities of every completion, with frozen weights: from the cache, and computed where it has none. */
final class ReferenceScorer {
    /** Rows whose cached values are computed again and compared. */
    private static final int SAMPLE_ROWS = 4;

    private final NativeModel model;
    private final RowSet rows;
    private final ReferenceCache cache;
    private final double tolerance;
    private final ProgressListener listener;

    /** tolerance: nats by which a token's cached value may differ, as other batches round otherwise. */
    ReferenceScorer(
            NativeModel model,
            TokenizedDataset dataset,
            ReferenceCache cache,
            double tolerance,
            ProgressListener listener) {
        this.model = model;
        this.rows = new RowSet(dataset, null);
        this.cache = cache;
        this.tolerance = tolerance;
        this.listener = listener;
    }

    /**
     * [rows of the data set][completions of the row], for the rows at {@code indices}; not all of them where the listener asked
     * to stop, so that the caller must look at that.
     */
    double[][] score(int[] indices, int batchSize) {
        double[][] logps = new double[rows.size()][];
        cache.load(logps);
        int[] cached = Arrays.stream(indices).filter(i -> logps[i] != null).toArray();
        int[] sample = sample(cached);
        String difference = compare(sample, logps);
        if (difference == null) {
            listener.message("the cached reference log-probabilities in "
                    + cache.directory().orElseThrow() + " are not those of this model; they are computed anew");
            cache.clear();
            Arrays.fill(logps, null);
            cached = new int[0];
        }
        int[] missing = Arrays.stream(indices).filter(i -> logps[i] == null).toArray();
        compute(indices, logps, batchSize, missing.length);
        report(missing.length, cached.length, sample.length, difference);
        return logps;
    }

    /**
     * Batches are cut from all indices, whatever of them is missing, and one that lacks a row is computed whole: the values of a
     * run that was interrupted here have the bits of one that was not.
     */
    private void compute(int[] indices, double[][] logps, int batchSize, int numMissing) {
        if (numMissing == 0) {
            return;
        }
        listener.started(ProgressListener.Phase.REFERENCE, indices.length - numMissing, indices.length);
        int computed = 0;
        for (int first = 0; first < indices.length && !listener.stopRequested(); first += batchSize) {
            int end = Math.min(indices.length, first + batchSize);
            if (Arrays.stream(indices, first, end).allMatch(i -> logps[i] != null)) {
                continue;
            }
            MicroBatch batch = rows.collate(indices, first, end);
            double[][] ofBatch = logps(batch);
            for (int group = 0; group < ofBatch.length; group++) {
                int index = indices[first + group];
                requireFinite(ofBatch[group], batch.rows()[group]);
                if (logps[index] == null) {
                    logps[index] = ofBatch[group];
                    cache.add(index, batch.rows()[group], ofBatch[group]);
                    computed++;
                }
            }
            listener.advanced(ProgressListener.Phase.REFERENCE, indices.length - numMissing + computed, computed);
        }
        cache.flush();
        listener.finished(ProgressListener.Phase.REFERENCE);
    }

    /** [groups][completions of the group]. */
    private double[][] logps(MicroBatch batch) {
        double[] flat = Failures.explain(
                () -> model.logps(batch.packed()),
                () -> "computing reference log-probabilities of " + Failures.describe(batch.rows()));
        double[][] logps = new double[batch.numGroups()][];
        int completion = 0;
        for (int group = 0; group < logps.length; group++) {
            int size = batch.packed().groupSizes()[group];
            logps[group] = Arrays.copyOfRange(flat, completion, completion + size);
            completion += size;
        }
        return logps;
    }

    private static int[] sample(int[] cached) {
        return new Random(cached.length)
                .ints(SAMPLE_ROWS, 0, Math.max(1, cached.length))
                .limit(cached.length)
                .distinct()
                .map(i -> cached[i])
                .toArray();
    }

    /** The largest difference in words, or null where one is beyond rounding. */
    private @Nullable String compare(int[] sample, double[][] cached) {
        double largest = 0;
        for (int index : sample) {
            MicroBatch batch = rows.collate(new int[] {index}, 0, 1);
            double[] again = logps(batch)[0];
            for (int i = 0; i < again.length; i++) {
                double difference = Math.abs(again[i] - cached[index][i]);
                double allowed = tolerance * Math.sqrt(batch.packed().completionLengths()[i]);
                if (!(difference <= allowed)) {
                    return null;
                }
                largest = Math.max(largest, difference);
            }
        }
        return String.format(Locale.ROOT, "%.2g", largest);
    }

    private void report(int computed, int cached, int compared, @Nullable String difference) {
        listener.scoredReference(computed, cached, compared);
        cache.directory()
                .ifPresent(directory -> listener.message("reference log-probabilities: " + computed
                        + " rows computed, " + cached + " from the cache " + directory
                        + (compared == 0
                                ? ""
                                : " (" + compared + " computed again: largest difference " + difference + ")")));
    }

    private static void requireFinite(double[] logps, int row) {
        if (!Arrays.stream(logps).allMatch(Double::isFinite)) {
            throw MmpoException.training(
                    "The reference model gives row %d a log-probability that is not a finite number; check the model's weights",
                    row + 1);
        }
    }
}
