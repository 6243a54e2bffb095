package io.mmpo.train;

import io.mmpo.data.TokenizedDataset;
import java.util.OptionalInt;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Rows of a data set that a run visits, in the order of the file: all, as they are tokenized, or some of them. */
final class VisitedRows {
    private final TokenizedDataset rows;
    private final int @Nullable [] some;

    private VisitedRows(TokenizedDataset rows, int @Nullable [] some) {
        this.rows = rows;
        this.some = some;
    }

    static VisitedRows all(TokenizedDataset rows) {
        return new VisitedRows(rows, null);
    }

    /** indices: ascending. */
    static VisitedRows of(TokenizedDataset rows, int[] indices) {
        return new VisitedRows(rows, indices);
    }

    /** The indices at places [first, first + count), fewer at the end. Waits until these rows are there, and for no other. */
    int[] indices(int first, int count) {
        IntPredicate exists = some == null ? rows::has : place -> place < some.length;
        return IntStream.range(first, first + count)
                .takeWhile(exists)
                .map(place -> some == null ? place : some[place])
                .toArray();
    }

    /** Waits for the end of the file. */
    int[] indices() {
        return some == null ? IntStream.range(0, rows.size()).toArray() : some;
    }

    /** Empty while rows are tokenized; throws what has gone wrong with them so far. */
    OptionalInt count() {
        return some == null ? rows.sizeIfKnown() : OptionalInt.of(some.length);
    }
}
