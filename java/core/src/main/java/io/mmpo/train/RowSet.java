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

    /** Collates the units at order[first ... end-1]. */
    MicroBatch collate(int[] order, int first, int end) {
        List<TokenizedGroup> groups = new ArrayList<>(end - first);
        rowsAt(order, first, end).forEach(row -> groups.add(rows.get(row)));
        if (refLogps == null) {
            return MicroBatch.collate(groups, null);
        }
        List<double[]> references = new ArrayList<>(end - first);
        for (int place = first; place < end; place++) {
            double @Nullable [] reference = refLogps[order[place]];
            if (reference == null) {
                return MicroBatch.collate(groups, null);
            }
            references.add(reference);
        }
        return MicroBatch.collate(groups, references);
    }

    /** Rows of the units at order[first ... end-1]. */
    IntStream rowsAt(int[] order, int first, int end) {
        IntStream units = Arrays.stream(order, first, end);
        return packs == null ? units : units.flatMap(unit -> Arrays.stream(packs[unit]));
    }

    /** The rows in the order of the file, batchSize at a time: batch number {@code index}. */
    MicroBatch batch(int index, int batchSize) {
        int first = index * batchSize;
        int end = Math.min(size(), first + batchSize);
        int[] order = new int[end - first];
        for (int i = 0; i < order.length; i++) {
            order[i] = first + i;
        }
        return collate(order, 0, order.length);
    }

    int numBatches(int batchSize) {
        return Math.ceilDiv(size(), batchSize);
    }
}
