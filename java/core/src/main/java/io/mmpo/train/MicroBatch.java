package io.mmpo.train;

import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.nativelib.PackedBatch;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rows that go through the model together: of several ranks this one's, which may be none. rows: their numbers in the file, from 0.
 * refLogps: [C] reference log-probabilities in the order of the completions, or null where they are not needed. groupNumbers: of each
 * group among the step's, of all ranks; empty where nothing is trained.
 */
record MicroBatch(int[] rows, PackedBatch packed, double @Nullable [] refLogps, long[] groupNumbers) {
    /** refLogps: one array a group, or null. */
    static MicroBatch collate(List<TokenizedGroup> groups, @Nullable List<double[]> refLogps) {
        PackedBatch packed = PackedBatch.of(
                groups.stream().map(TokenizedGroup::prompt).toList(),
                groups.stream().map(TokenizedGroup::completions).toList());
        double[] flat = refLogps == null
                ? null
                : refLogps.stream().flatMapToDouble(Arrays::stream).toArray();
        return new MicroBatch(groups.stream().mapToInt(TokenizedGroup::row).toArray(), packed, flat, new long[0]);
    }

    MicroBatch numbered(long[] numbers) {
        return new MicroBatch(rows, packed, refLogps, numbers);
    }

    int numGroups() {
        return rows.length;
    }

    /** Of the completions, those that are learnt. */
    long numLearntTokens() {
        return packed.numLearntTokens();
    }

    /** Tokens that enter the model: all, or without the rejected completions of pairs. */
    long numTokens(boolean withRejected) {
        long tokens = packed.tokens().length;
        if (!withRejected) {
            int[] lengths = packed.completionLengths();
            for (int rejected = 1; rejected < lengths.length; rejected += 2) {
                tokens -= lengths[rejected];
            }
        }
        return tokens;
    }
}
