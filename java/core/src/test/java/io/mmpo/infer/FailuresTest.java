package io.mmpo.infer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FailuresTest {
    @Test
    void placesInABatchBecomeRowsOfTheFile() {
        int[] rows = {40, 16};
        assertThat(Failures.withRows("completion 3 of group 1 needs 600 positions, the model has 512", rows))
                .isEqualTo("a completion of row 17 needs 600 positions, the model has 512");
        assertThat(Failures.withRows("a preference loss needs pairs; group 0 has 1", rows))
                .isEqualTo("a preference loss needs pairs; row 41 has 1");
        assertThat(Failures.withRows("group_sizes add up to 3", rows)).isEqualTo("group_sizes add up to 3");
    }
}
