package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.store.ReferenceParts;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.dist.Ranks;
import io.mmpo.infer.Scorer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Reference log-probabilities of every completion, with frozen weights: from the cache, and computed where it has none. Rows are
 * scored as they are tokenized.
 */
final class ReferenceScorer {
    /** Rows whose cached values are computed again and compared. */
    private static final int SAMPLE_ROWS = 4;

    private static final int COMPLETIONS_OF_A_PAIR = 2;

    private final Scorer scorer;
    private final double ldAlpha;
    private final TokenizedDataset rows;
    private final String of;
    private final ReferenceCache cache;
    private final double tolerance;
    private final ProgressListener listener;
    private final Ranks ranks;
    /** [rows of the data set, or those that are tokenized by now][completions of the row]; null where a row has none yet. */
    private double[][] logps = {};

    /**
     * ldAlpha: how much a token counts that the pair's other completion has no counterpart of. tolerance: nats by which a token's cached
     * value may differ, as other batches round otherwise.
     */
    ReferenceScorer(
            Scorer scorer,
            double ldAlpha,
            CheckedRows rows,
            ReferenceCache cache,
            double tolerance,
            ProgressListener listener,
            Ranks ranks) {
        this.scorer = scorer;
        this.ldAlpha = ldAlpha;
        this.rows = rows;
        this.of = "the " + rows.purpose() + " data for the reference";
        this.cache = cache;
        this.tolerance = tolerance;
        this.listener = listener;
        this.ranks = ranks;
    }

    /**
     * [rows of the data set][completions of the row], for the visited rows; not all of them where the listener asked to stop, so
     * that the caller must look at that.
     */
    double[][] score(VisitedRows visited, int batchSize) {
        List<ReferenceParts.Entry> known = cache.read();
        int[] cached = {};
        if (!known.isEmpty()) { // then the rows are in the cache too, as a rule, and there is nothing to wait for
            logps = new double[rows.size()][];
            known.stream()
                    .filter(this::isOfARow)
                    .forEach(entry -> logps[entry.group()] = new double[] {entry.chosen(), entry.rejected()});
            cached = Arrays.stream(visited.indices()).filter(this::isScored).toArray();
        }
        int[] sample = sample(cached);
        String difference = compare(sample);
        if (ranks.any(difference == null, "the comparison of cached reference log-probabilities")) {
            if (difference == null) {
                listener.message("the cached reference log-probabilities in "
                        + cache.directory().orElseThrow() + " are not those of this model; they are computed anew");
                cache.clear();
            }
            ranks.await("the clearing of a cache");
            logps = new double[][] {};
            cached = new int[0];
        }
        int computed = compute(visited, batchSize, cached.length);
        if (ranks.areSeveral()) {
            computed = share(visited, batchSize, computed);
        }
        report(computed, cached.length, sample.length, difference);
        return listener.stopRequested() ? logps : Arrays.copyOf(logps, rows.size());
    }

    /** Every rank gets what the others have of their batches. Returns how many rows all of them computed. */
    private int share(VisitedRows visited, int batchSize, int computed) {
        int[] indices = visited.indices();
        int numBatches = Math.ceilDiv(indices.length, batchSize);
        int mostRows = Math.ceilDiv(numBatches, ranks.size()) * batchSize;
        double[] own = new double[1 + COMPLETIONS_OF_A_PAIR * mostRows];
        Arrays.fill(own, Double.NaN);
        own[0] = computed;
        logps = Arrays.copyOf(logps, rows.size());
        forEachOf(ranks.rank(), indices, batchSize, (index, place) -> {
            double[] values = logps[index];
            if (values != null) {
                System.arraycopy(values, 0, own, 1 + COMPLETIONS_OF_A_PAIR * place, COMPLETIONS_OF_A_PAIR);
            }
        });
        double[][] all = ranks.gather(own, "the exchange of reference log-probabilities");
        for (int rank = 0; rank < ranks.size(); rank++) {
            double[] values = all[rank];
            forEachOf(rank, indices, batchSize, (index, place) -> {
                int at = 1 + COMPLETIONS_OF_A_PAIR * place;
                if (!Double.isNaN(values[at])) { // of a rank that was asked to stop
                    logps[index] = Arrays.copyOfRange(values, at, at + COMPLETIONS_OF_A_PAIR);
                }
            });
        }
        return Arrays.stream(all).mapToInt(values -> (int) values[0]).sum();
    }

    private interface OfARow {
        /** place: of the row among those of its rank. */
        void take(int index, int place);
    }

    /** The rows of a rank's batches. */
    private void forEachOf(int rank, int[] indices, int batchSize, OfARow body) {
        int place = 0;
        for (int first = rank * batchSize; first < indices.length; first += ranks.size() * batchSize) {
            for (int i = first; i < Math.min(indices.length, first + batchSize); i++) {
                body.take(indices[i], place++);
            }
        }
    }

    private boolean isOfARow(ReferenceParts.Entry entry) {
        return entry.group() >= 0 && entry.group() < logps.length;
    }

    private boolean isScored(int index) {
        return index < logps.length && logps[index] != null;
    }

    /**
     * Batches are cut from all visited rows, whatever of them is missing, and one that lacks a row is computed whole: the values
     * of a run that was interrupted here have the bits of one that was not. Ranks take turns. Returns how many rows were computed.
     */
    private int compute(VisitedRows visited, int batchSize, int numCached) {
        int computed = 0;
        OptionalInt total = OptionalInt.empty();
        for (int first = 0; !listener.stopRequested(); first += batchSize) {
            int[] indices = visited.indices(first, batchSize);
            if (indices.length == 0) {
                break;
            }
            boolean isOwn = first / batchSize % ranks.size() == ranks.rank();
            if (!isOwn || Arrays.stream(indices).allMatch(this::isScored)) {
                continue;
            }
            if (total.isEmpty()) {
                total = visited.count();
                tell(total, computed == 0, numCached);
            }
            computed += compute(indices);
            listener.advanced(ProgressListener.Phase.REFERENCE, numCached + computed, computed);
        }
        if (computed > 0) {
            cache.flush();
            listener.finished(ProgressListener.Phase.REFERENCE);
        }
        return computed;
    }

    private void tell(OptionalInt total, boolean begins, int done) {
        if (begins) {
            listener.started(ProgressListener.Phase.REFERENCE, done, total.orElse(ProgressListener.UNKNOWN));
        } else if (total.isPresent()) {
            listener.totalKnown(ProgressListener.Phase.REFERENCE, total.getAsInt());
        }
    }

    /** One batch; returns how many of its rows had no values. */
    private int compute(int[] indices) {
        List<TokenizedGroup> batch = groups(indices);
        double[][] ofBatch = logps(batch);
        makeRoomFor(indices[indices.length - 1]);
        int computed = 0;
        for (int group = 0; group < ofBatch.length; group++) {
            int row = batch.get(group).row();
            requireFinite(ofBatch[group], row);
            if (!isScored(indices[group])) {
                logps[indices[group]] = ofBatch[group];
                cache.add(indices[group], row, ofBatch[group]);
                computed++;
            }
        }
        return computed;
    }

    private void makeRoomFor(int index) {
        if (index >= logps.length) {
            logps = Arrays.copyOf(logps, Math.max(index + 1, 2 * logps.length));
        }
    }

    private List<TokenizedGroup> groups(int... indices) {
        return Arrays.stream(indices).mapToObj(rows::get).toList();
    }

    /** [groups][completions of the group]. */
    private double[][] logps(List<TokenizedGroup> batch) {
        double[] flat = ldAlpha == 1 ? scorer.logps(batch, of) : counted(batch);
        double[][] logps = new double[batch.size()][];
        int completion = 0;
        for (int group = 0; group < logps.length; group++) {
            int size = batch.get(group).completions().length;
            logps[group] = Arrays.copyOfRange(flat, completion, completion + size);
            completion += size;
        }
        return logps;
    }

    /** As the core counts the policy's own. */
    private double[] counted(List<TokenizedGroup> pairs) {
        float[][] tokens = scorer.tokenLogps(pairs, of);
        double[] logps = new double[tokens.length];
        for (int completion = 0; completion < logps.length; completion++) {
            int shared = Math.min(tokens[completion].length, tokens[completion ^ 1].length);
            for (int i = 0; i < tokens[completion].length; i++) {
                logps[completion] += (i < shared ? 1 : ldAlpha) * tokens[completion][i];
            }
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
    private @Nullable String compare(int[] sample) {
        double largest = 0;
        for (int index : sample) {
            TokenizedGroup pair = rows.get(index);
            double[] again = logps(List.of(pair))[0];
            for (int i = 0; i < again.length; i++) {
                double difference = Math.abs(again[i] - logps[index][i]);
                double allowed = tolerance * Math.sqrt(pair.completions()[i].length);
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
