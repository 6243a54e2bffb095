package io.mmpo.eval.judge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReplyTest {
    private static Reply weighted(Map<String, Double> logprobs) {
        return new Reply("M", logprobs, 10, 1);
    }

    /** The example in alpaca_eval's logprob_parser: 2 - exp(m) / (exp(m) + exp(M)). */
    @Test
    void aVerdictIsTheProbabilityOfTheSecondName() {
        Reply reply = weighted(Map.of("M", -0.017597131, "m", -4.048847, "Both", -14.9, "The", -15.7));
        double first = Math.exp(-4.048847);
        double second = Math.exp(-0.017597131);
        assertThat(reply.preference()).isCloseTo(2 - first / (first + second), within(1e-15));
        assertThat(reply.manner()).isEqualTo(Reply.Manner.WEIGHTED);
    }

    @Test
    void aNameThatIsNotAmongTheLikeliestHasProbabilityZero() {
        assertThat(weighted(Map.of("m", -0.1, "The", -3.0)).preference()).isEqualTo(1);
        assertThat(weighted(Map.of("M", -9.0, "The", -0.1)).preference()).isEqualTo(2);
        assertThat(weighted(Map.of("The", -0.1, "Both", -3.0)).preference()).isNaN();
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            m, 1
            M, 2
            ' M. ', 2
            '**m**', 1
            '"M"', 2
            m or M, NaN
            Model m, NaN
            maybe, NaN
            '', NaN
            """)
    void withoutProbabilitiesTheNameIsTheVerdict(String text, double preference) {
        assertThat(new Reply(text, Map.of(), 1, 1).preference()).isEqualTo(Double.valueOf(preference)); // NaN is NaN
    }

    @Test
    void whatFollowsTheNameInOtherLinesSaysNothing() {
        assertThat(new Reply("M\n\nIt is the better m", Map.of(), 1, 1).preference())
                .isEqualTo(2);
    }

    @Test
    void isKeptToTheBit() {
        Reply reply = new Reply("M\n\"", Map.of("M", -0.017597131, "m", -4.1), 123, 1);
        assertThat(Reply.ofJson(reply.toJson())).isEqualTo(reply);
    }
}
