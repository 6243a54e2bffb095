package io.mmpo.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LabelColumnTest {
    @Test
    void labelsWithRoomStayWhereTheyAre() {
        assertThat(LabelColumn.spread(new double[] {80, 20, 50}, 13, 0, 100)).containsExactly(80, 20, 50);
    }

    @Test
    void labelsOfTheSameHeightLieAroundIt() {
        assertThat(LabelColumn.spread(new double[] {50, 50, 50}, 10, 0, 100))
                .containsExactly(new double[] {40, 50, 60}, within(1e-9));
    }

    @Test
    void theEdgesHold() {
        assertThat(LabelColumn.spread(new double[] {1, 0, 100}, 10, 0, 100))
                .containsExactly(new double[] {10, 0, 100}, within(1e-9));
    }

    @Test
    void noneIsOverAnother() {
        Random random = new Random(7);
        for (int round = 0; round < 300; round++) {
            double[] wanted = random.doubles(1 + random.nextInt(12), -5, 205).toArray();
            double[] places = LabelColumn.spread(wanted, 13, 0, 200);
            double[] sorted = Arrays.stream(places).sorted().toArray();
            double gap = Math.min(13, 200.0 / Math.max(1, sorted.length - 1));
            for (int i = 1; i < sorted.length; i++) {
                assertThat(sorted[i] - sorted[i - 1]).isGreaterThan(gap - 1e-6);
            }
            assertThat(sorted[0]).isGreaterThanOrEqualTo(-1e-6);
            assertThat(sorted[sorted.length - 1]).isLessThanOrEqualTo(200 + 1e-6);
        }
    }
}
