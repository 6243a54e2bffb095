package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.data.TokenizedDataset;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Rows put together to sequences of at most so many tokens, each row whole (best fit, the longest first, as TRL's packing_strategy bfd).
 * A row attends to itself alone wherever it lies, as rows of a micro-batch do anyway; packing makes micro-batches of even size.
 */
final class Packing {
    private Packing() {}

    /** [sequences][rows], rows ascending and sequences by their first row. */
    static int[][] of(TokenizedDataset rows, int maxTokens, ProgressListener listener) {
        int[] lengths = TokenizedDataset.lengths(rows).toArray();
        int[][] packs = bestFit(lengths, maxTokens);
        double share = Arrays.stream(lengths).asLongStream().sum() / ((double) packs.length * maxTokens);
        listener.message(String.format(
                Locale.ROOT,
                "packing: %d rows in %d sequences of up to %d tokens, %.0f%% full",
                lengths.length,
                packs.length,
                maxTokens,
                100 * share));
        return packs;
    }

    static int[][] bestFit(int[] lengths, int maxTokens) {
        List<Integer> longestFirst = IntStream.range(0, lengths.length)
                .boxed()
                .sorted(Comparator.comparingInt(row -> -lengths[row]))
                .toList();
        TreeMap<Integer, Deque<List<Integer>>> bySpace = new TreeMap<>();
        List<List<Integer>> packs = new ArrayList<>();
        for (int row : longestFirst) {
            if (lengths[row] > maxTokens) {
                throw MmpoException.data(
                        "packing: a row has %d tokens, more than max_length (%d); it came tokenized, or max_length is too small for it",
                        lengths[row], maxTokens);
            }
            Map.Entry<Integer, Deque<List<Integer>>> fullest = bySpace.ceilingEntry(lengths[row]);
            int space = maxTokens;
            List<Integer> pack = new ArrayList<>();
            if (fullest == null) {
                packs.add(pack);
            } else {
                space = fullest.getKey();
                pack = fullest.getValue().removeFirst();
                if (fullest.getValue().isEmpty()) {
                    bySpace.remove(space);
                }
            }
            pack.add(row);
            bySpace.computeIfAbsent(space - lengths[row], left -> new ArrayDeque<>())
                    .addLast(pack);
        }
        return packs.stream()
                .map(pack -> pack.stream().mapToInt(row -> row).sorted().toArray())
                .sorted(Comparator.comparingInt(pack -> pack[0]))
                .toArray(int[][]::new);
    }
}
