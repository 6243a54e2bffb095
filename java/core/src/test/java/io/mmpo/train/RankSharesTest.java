package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RankSharesTest {
    @Test
    void theLongestAndTheShortestGoTogether() {
        assertThat(RankShares.of(new long[] {900, 700, 200, 400}, 2, 2)).isDeepEqualTo(new int[][] {{0, 2}, {1, 3}});
    }

    @Test
    void whatIsTooFewForAllIsSpreadAndOneRankTakesEverything() {
        assertThat(RankShares.of(new long[] {5, 5}, 4, 2)).isDeepEqualTo(new int[][] {{0}, {1}, {}, {}});
        assertThat(RankShares.of(new long[] {3, 1, 2}, 1, 8)).isDeepEqualTo(new int[][] {{0, 1, 2}});
        assertThat(RankShares.of(new long[] {0, 0, 0, 0}, 2, 2)).isDeepEqualTo(new int[][] {{0, 1}, {2, 3}});
    }

    /** Of lengths that differ by a factor of ten the slowest rank has little more than the mean; taken in their order, far more. */
    @Test
    void ranksHaveAboutAsMuchToCompute() {
        Random random = new Random(3);
        double balanced = 0;
        double inOrder = 0;
        int rounds = 500;
        for (int round = 0; round < rounds; round++) {
            long[] costs = random.longs(32, 100, 1000).toArray();
            int[][] shares = RankShares.of(costs, 8, 4);
            assertThat(Arrays.stream(shares).flatMapToInt(Arrays::stream).sorted())
                    .containsExactlyElementsOf(IntStream.range(0, 32).boxed().toList());
            assertThat(List.of(shares)).allMatch(share -> share.length == 4);
            balanced += slowest(costs, shares);
            inOrder += slowest(
                    costs,
                    IntStream.range(0, 8)
                            .mapToObj(rank ->
                                    IntStream.range(4 * rank, 4 * rank + 4).toArray())
                            .toArray(int[][]::new));
        }
        assertThat(balanced / rounds).isLessThan(1.05);
        assertThat(inOrder / rounds).isGreaterThan(1.25);
    }

    /** Over the mean. */
    private static double slowest(long[] costs, int[][] shares) {
        long most = Arrays.stream(shares)
                .mapToLong(
                        share -> Arrays.stream(share).mapToLong(i -> costs[i]).sum())
                .max()
                .orElseThrow();
        return (double) most * shares.length / Arrays.stream(costs).sum();
    }
}
