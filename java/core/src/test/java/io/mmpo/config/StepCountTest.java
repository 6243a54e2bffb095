package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StepCountTest {
    @Test
    void sharesAreRoundedUpAsHuggingFaceDoes() {
        assertThat(new StepCount(0.1).of(41)).isEqualTo(5);
        assertThat(new StepCount(0).of(41)).isZero();
        assertThat(new StepCount(7).of(3)).isEqualTo(7);
    }
}
