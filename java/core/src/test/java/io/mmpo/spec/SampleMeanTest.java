package io.mmpo.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class SampleMeanTest {
    /** Squares of -3, -1, 1 and 3 add up to 20: a variance of 20/3, and of 5/3 for the mean of four. */
    @Test
    void ofFourValues() {
        SampleMean mean = SampleMean.of(new double[] {2, 4, 6, 8});
        assertThat(mean.value()).isEqualTo(5);
        assertThat(mean.standardDeviation()).isCloseTo(Math.sqrt(20 / 3.0), within(1e-15));
        assertThat(mean.standardError()).isCloseTo(Math.sqrt(5 / 3.0), within(1e-15));
    }

    @Test
    void oneValueSaysNothingOfItsError() {
        SampleMean mean = SampleMean.of(new double[] {2});
        assertThat(mean).isEqualTo(new SampleMean(2, Double.NaN, Double.NaN));
        assertThat(SampleMean.of(new double[0])).isEqualTo(new SampleMean(Double.NaN, Double.NaN, Double.NaN));
    }
}
