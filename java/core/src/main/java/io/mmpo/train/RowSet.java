package io.mmpo.train;

import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.TokenizedGroup;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Tokenized rows with their reference log-probabilities. refLogps: [rows][completions of the row], null of a row that has none, or
 * null. packs: [units][rows] where
 * rows are trained on several at a time (without references), or null where each is a unit of its own.
 */
record RowSet(TokenizedDataset rows, double @Nullable [][] refLogps, int @Nullable [][] packs) {
    RowSet(TokenizedDataset rows, double @Nullable [][] refLogps) {
        this(rows, refLogps, null);
    }

    static RowSet packed(TokenizedDataset rows, int[][] packs) {
        return new RowSet(rows, null, packs);
    }

    int size() {
        return packs == null ? rows.size() : packs.length;
    }

    MicroBatch collate(int... units) {
        List<TokenizedGroup> groups = new ArrayList<>(units.length);
        Arrays.stream(units).flatMap(this::rowsOf).forEach(row -> groups.add(rows.get(row)));
        if (refLogps == null) {
            return MicroBatch.collate(groups, null);
        }
        List<double[]> references = new ArrayList<>(units.length);
        for (int unit : units) {
            double @Nullable [] reference = refLogps[unit];
            if (reference == null) {
                return MicroBatch.collate(groups, null);
            }
            references.add(reference);
        }
        return MicroBatch.collate(groups, references);
    }

    IntStream rowsOf(int unit) {
        return packs == null ? IntStream.of(unit) : Arrays.stream(packs[unit]);
    }

    /** The rows in the order of the file, batchSize at a time: batch number {@code index}. */
    MicroBatch batch(int index, int batchSize) {
        int first = index * batchSize;
        return collate(
                IntStream.range(first, Math.min(size(), first + batchSize)).toArray());
    }

    int numBatches(int batchSize) {
        return Math.ceilDiv(size(), batchSize);
    }
}
