package io.mmpo.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CurveTest {
    private static Curve curve(double... values) {
        return new Curve(
                "run",
                0,
                Curve.Kind.TRAINING,
                IntStream.range(0, values.length)
                        .mapToObj(i -> new Point(i, values[i], ""))
                        .toList());
    }

    @Test
    void aValueThatIsNoNumberLeavesAGap() {
        List<List<Point>> stretches =
                curve(1, 2, Double.NaN, 3, Double.POSITIVE_INFINITY, 4, 5).stretches();
        assertThat(stretches.stream().map(List::size)).containsExactly(2, 1, 2);
        assertThat(curve(Double.NaN).stretches()).isEmpty();
    }

    @Test
    void thinningKeepsEndsPeaksAndGaps() {
        double[] values = IntStream.range(0, 100_000)
                .mapToDouble(i -> Math.sin(i / 1000.0))
                .toArray();
        values[54_321] = 77;
        values[65_432] = -77;
        values[76_543] = Double.NaN;
        Curve thinned = curve(values).thinned(600);
        assertThat(thinned.points()).hasSizeLessThanOrEqualTo(600);
        assertThat(thinned.points().getFirst().x()).isEqualTo(0);
        assertThat(thinned.points().getLast().x()).isEqualTo(99_999);
        assertThat(thinned.points().stream().map(Point::y)).contains(77.0, -77.0);
        assertThat(thinned.stretches()).hasSize(2);
        assertThat(thinned.points().stream().map(Point::x)).isSorted();
    }

    @Test
    void aShortCurveStaysWhole() {
        Curve curve = curve(1, 2, 3);
        assertThat(curve.thinned(600)).isSameAs(curve);
    }
}
