package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.data.Reading;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.Ids;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.dist.Ranks;
import io.mmpo.spec.Device;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class StepLoaderTest {
    private static final int ROWS = 11;
    /** Sequences of SFT's rows: their groups are numbered one by one. */
    private static final int[][] PACKS = {{0, 3}, {1}, {2, 4, 5}, {6}, {7, 8}, {9, 10}};

    /** Row i has a prompt of i + 1 tokens, two that are learnt and, between them, i that are only read. */
    private static TokenizedGroup row(int i) {
        int[] completion = new int[i + 2];
        Arrays.fill(completion, Ids.complement(7));
        completion[0] = 5;
        completion[i + 1] = 6;
        return new TokenizedGroup(i, IntStream.range(0, i + 1).toArray(), new int[][] {completion});
    }

    @Test
    void ranksShareEveryMicroBatchAndNumberItsGroupsAsOneDoes() {
        for (int numRanks : new int[] {2, 4}) {
            sharesWhatOneRankHas(new RowSet(new Rows(), null), numRanks);
            sharesWhatOneRankHas(RowSet.packed(new Rows(), PACKS), numRanks);
        }
    }

    private static void sharesWhatOneRankHas(RowSet rows, int numRanks) {
        List<StepBatches> alone = steps(rows, Ranks.ALONE);
        List<List<StepBatches>> all = IntStream.range(0, numRanks)
                .mapToObj(rank -> steps(rows, new RankOf(rank, numRanks)))
                .toList();
        for (int step = 0; step < alone.size(); step++) {
            StepBatches whole = alone.get(step);
            for (int micro = 0; micro < whole.microBatches().size(); micro++) {
                MicroBatch ofOne = whole.microBatches().get(micro);
                long[] rowOfGroup = new long[whole.numGroups()];
                List<Long> numbers = new ArrayList<>();
                for (List<StepBatches> ofRank : all) {
                    StepBatches own = ofRank.get(step);
                    assertThat(own.numGroups()).isEqualTo(whole.numGroups());
                    assertThat(own.numLearntTokens()).isEqualTo(whole.numLearntTokens());
                    MicroBatch part = own.microBatches().get(micro);
                    assertThat(part.groupNumbers()).hasSize(part.numGroups());
                    for (int i = 0; i < part.numGroups(); i++) {
                        numbers.add(part.groupNumbers()[i]);
                        rowOfGroup[(int) part.groupNumbers()[i]] = part.rows()[i];
                    }
                }
                assertThat(numbers)
                        .containsExactlyInAnyOrderElementsOf(
                                LongStream.of(ofOne.groupNumbers()).boxed().toList());
                for (int i = 0; i < ofOne.numGroups(); i++) {
                    assertThat(rowOfGroup[(int) ofOne.groupNumbers()[i]]).isEqualTo(ofOne.rows()[i]);
                }
            }
        }
        // Two of each row, and none of those that are only read.
        assertThat(alone.stream().mapToLong(StepBatches::numLearntTokens).sum()).isEqualTo(2L * ROWS);
    }

    /** Of one epoch in the order of the file. */
    private static List<StepBatches> steps(RowSet rows, Ranks ranks) {
        StepPlan plan = new StepPlan(rows.size(), 4, 2, Math.ceilDiv(rows.size(), 8));
        int[] order = IntStream.range(0, rows.size()).toArray();
        List<StepBatches> steps = new ArrayList<>();
        try (StepLoader loader = new StepLoader(rows, plan, epoch -> order, ranks, 0)) {
            for (int step = 0; step < plan.totalSteps(); step++) {
                steps.add(loader.next());
            }
        }
        return steps;
    }

    private record RankOf(int rank, int size) implements Ranks {
        @Override
        public boolean isFirstOfHost() {
            return rank == 0;
        }

        @Override
        public long backend(Device device) {
            throw new UnsupportedOperationException();
        }

        @Override
        public double[][] gather(double[] values, String what) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String ofFirst(Supplier<String> text, String what) {
            throw new UnsupportedOperationException();
        }
    }

    private static final class Rows implements TokenizedDataset {
        @Override
        public int size() {
            return ROWS;
        }

        @Override
        public OptionalInt sizeIfKnown() {
            return OptionalInt.of(ROWS);
        }

        @Override
        public Reading reading() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean awaitEnd(long millis) {
            return true;
        }

        @Override
        public boolean has(int index) {
            return index < ROWS;
        }

        @Override
        public TokenizedGroup get(int index) {
            return row(index);
        }

        @Override
        public int numTokens(int index) {
            return 2 * index + 3;
        }

        @Override
        public DatasetSummary summary() {
            throw new UnsupportedOperationException();
        }

        @Override
        public int rowsTokenized() {
            return ROWS;
        }

        @Override
        public Optional<String> fingerprint() {
            return Optional.empty();
        }

        @Override
        public void close() {}
    }
}
