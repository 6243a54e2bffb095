package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RowOrderTest {
    @Test
    void everyEpochVisitsEveryRowOnce() {
        for (int numRows : new int[] {1, 2, 47, 1000}) {
            for (int epoch = 0; epoch < 3; epoch++) {
                int[] order = RowOrder.seeded(42, numRows).ofEpoch(epoch);
                assertThat(Arrays.stream(order).sorted().toArray())
                        .isEqualTo(IntStream.range(0, numRows).toArray());
            }
        }
    }

    @Test
    void theOrderIsAFunctionOfSeedAndEpoch() {
        assertThat(RowOrder.seeded(42, 100).ofEpoch(3))
                .isEqualTo(RowOrder.seeded(42, 100).ofEpoch(3));
        assertThat(RowOrder.seeded(42, 100).ofEpoch(3))
                .isNotEqualTo(RowOrder.seeded(42, 100).ofEpoch(4));
        assertThat(RowOrder.seeded(42, 100).ofEpoch(3))
                .isNotEqualTo(RowOrder.seeded(43, 100).ofEpoch(3));
    }

    /** Vectors of the reference implementation (prng.di.unimi.it/splitmix64.c) for the state 1234567. */
    @Test
    void splitMix64GivesThePublishedNumbers() {
        RowOrder.SplitMix64 random = RowOrder.SplitMix64.ofState(1234567);
        assertThat(Long.toUnsignedString(random.next())).isEqualTo("6457827717110365317");
        assertThat(Long.toUnsignedString(random.next())).isEqualTo("3203168211198807973");
        assertThat(Long.toUnsignedString(random.next())).isEqualTo("9817491932198370423");
    }

    @Test
    void drawsAreUniform() {
        RowOrder.SplitMix64 random = RowOrder.SplitMix64.ofState(7);
        int[] counts = new int[6];
        for (int i = 0; i < 60_000; i++) {
            counts[random.below(6)]++;
        }
        double chiSquare = Arrays.stream(counts)
                .mapToDouble(count -> Math.pow(count - 10_000, 2) / 10_000)
                .sum();
        assertThat(chiSquare).isLessThan(20.5); // 99.9 % of 5 degrees of freedom
    }
}
