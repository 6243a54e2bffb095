package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MmpoExceptionTest {
    @Test
    void formatsItsMessageAndKeepsItsKind() {
        MmpoException exception = MmpoException.data("row %d of %s has no chosen", 3, "pairs.jsonl");
        assertThat(exception).hasMessage("row 3 of pairs.jsonl has no chosen");
        assertThat(exception.kind()).isEqualTo(MmpoException.Kind.DATA);
    }

    @Test
    void numbersAreTheSameInEveryCountry() {
        assertThat(InPersian.get(() -> MmpoException.data("row %d, loss %.2f", 1234, 0.5)))
                .hasMessage("row 1234, loss 0.50");
        assertThat(InPersian.get(() -> MmpoException.data("row %d", 7))).hasMessage("row 7");
    }

    @Test
    void leavesPercentSignsAloneWithoutArguments() {
        assertThat(MmpoException.environment("disk is 100% full")).hasMessage("disk is 100% full");
    }
}
