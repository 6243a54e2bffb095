package io.mmpo.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScaleTest {
    @Test
    void enclosesValuesWithRoundNumbers() {
        Scale scale = Scale.enclosing(0.13, 0.87, 4);
        assertThat(scale.low()).isEqualTo(0);
        assertThat(scale.high()).isEqualTo(1);
        assertThat(scale.labels()).containsExactly("0.0", "0.2", "0.4", "0.6", "0.8", "1.0");
        assertThat(scale.at(0.25)).isCloseTo(0.25, within(1e-12));
    }

    @Test
    void negativeNumbersHaveAMinusSign() {
        assertThat(Scale.enclosing(-590, -20, 3).labels()).containsExactly("−600", "−400", "−200", "0");
    }

    @Test
    void anExactScaleHasTicksBetweenItsEnds() {
        Scale scale = Scale.exact(0, 248, 4);
        assertThat(scale.high()).isEqualTo(248);
        assertThat(scale.labels()).containsExactly("0", "100", "200");
    }

    @Test
    void decadesOfALogarithmicScaleHaveTheSameLength() {
        Scale scale = Scale.logarithmic(0.02, 700);
        assertThat(scale.low()).isCloseTo(0.01, within(1e-12));
        assertThat(scale.high()).isCloseTo(1000, within(1e-9));
        assertThat(scale.at(0.1)).isCloseTo(0.2, within(1e-12));
        assertThat(scale.at(100)).isCloseTo(0.8, within(1e-12));
        assertThat(scale.labels()).containsExactly("0.01", "0.1", "1", "10", "100", "1000");
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "5, 5",
        "-3, -3",
        "1e-300, 1e-300",
        "0, 1e-12",
        "-1e99, 1e99",
        "1, 1.0000000000000002",
        "5e-4, 5e-4",
        "0, 5e-4"
    })
    void everyRangeHasAFewTicksWithinIt(double min, double max) {
        Scale scale = Scale.enclosing(min, max, 4);
        assertThat(scale.low()).isLessThanOrEqualTo(min);
        assertThat(scale.high()).isGreaterThanOrEqualTo(max);
        assertThat(scale.high()).isGreaterThan(scale.low());
        assertThat(scale.ticks()).hasSizeBetween(2, 8);
        assertThat(scale.labels()).doesNotHaveDuplicates();
        assertThat(scale.at(min)).isBetween(-1e-9, 1 + 1e-9);
    }

    @Test
    void numbersAreWrittenForPeople() {
        assertThat(NumberText.of(0.693147)).isEqualTo("0.6931");
        assertThat(NumberText.of(267.8378)).isEqualTo("267.8");
        assertThat(NumberText.of(12345.6)).isEqualTo("12346");
        assertThat(NumberText.of(5e-4)).isEqualTo("5e−4");
        assertThat(NumberText.of(-410738688)).isEqualTo("−4.107e8");
        assertThat(NumberText.of(0)).isEqualTo("0");
        assertThat(NumberText.of(-0.0)).isEqualTo("0");
        assertThat(NumberText.of(Double.NaN)).isEqualTo("no number");
    }
}
