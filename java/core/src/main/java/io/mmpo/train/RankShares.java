package io.mmpo.train;

import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Which units of a micro-batch each rank takes: at most so many as the configuration says, and so that ranks have about as much to
 * compute, since all of them wait for the slowest. The dearest unit first, to the rank that has least (Graham 1969, longest processing
 * time). Every rank comes to the same shares.
 */
final class RankShares {
    private RankShares() {}

    /** costs: of the micro-batch's units, of which {@code most} times {@code numRanks} may be more. [ranks][its units, ascending]. */
    static int[][] of(long[] costs, int numRanks, int most) {
        int[] counts = new int[numRanks];
        long[] sums = new long[numRanks];
        int[] rankOf = new int[costs.length];
        IntStream.range(0, costs.length)
                .boxed()
                .sorted(Comparator.comparingLong(unit -> -costs[unit]))
                .forEach(unit -> {
                    int rank = IntStream.range(0, numRanks)
                            .filter(each -> counts[each] < most)
                            .boxed()
                            .min(Comparator.comparingLong(each -> sums[each]))
                            .orElseThrow();
                    rankOf[unit] = rank;
                    counts[rank]++;
                    sums[rank] += costs[unit];
                });
        return IntStream.range(0, numRanks)
                .mapToObj(rank -> IntStream.range(0, costs.length)
                        .filter(unit -> rankOf[unit] == rank)
                        .toArray())
                .toArray(int[][]::new);
    }
}
