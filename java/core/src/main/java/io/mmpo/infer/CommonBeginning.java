package io.mmpo.infer;

import java.util.Arrays;
import java.util.List;

/** What token sequences begin with, all of them: computed once where that saves enough. */
public final class CommonBeginning {
    /** Tokens that are saved, as a part of all that there are, from which on a beginning is worth a place of its own. */
    private static final int WORTH = 4;

    private CommonBeginning() {}

    /** How many tokens both begin with. */
    public static int length(int[] one, int[] other) {
        int mismatch = Arrays.mismatch(one, other);
        return mismatch < 0 ? one.length : mismatch;
    }

    /** How many tokens all of them begin with, when each keeps one at least behind them; of a single one, all but the last. */
    public static int length(List<int[]> sequences) {
        int[] first = sequences.getFirst();
        int length = first.length - 1;
        for (int[] sequence : sequences) {
            length = Math.min(length, Math.min(sequence.length - 1, length(first, sequence)));
        }
        return length;
    }

    /** Whether computing so many tokens once, for so many sequences of so many tokens together, saves a quarter of the work. */
    public static boolean isWorth(int length, int sequences, long tokens) {
        return (long) length * (sequences - 1) * WORTH >= tokens && length > 0;
    }
}
