package io.mmpo.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WinRateTest {
    private static List<AnswerRule.Verdict> points(int... points) {
        return IntStream.of(points)
                .mapToObj(p -> new AnswerRule.Verdict(p > 0, p > 1, p > 2, false))
                .toList();
    }

    /** Two wins, a tie and a loss: (1 + 1 + 0.5 + 0) / 4 = 0.625; variance (1 + 1 + 0.25) / 4 − 0.625² = 0.171875. */
    @Test
    void tiesCountHalf() {
        WinRate winRate = WinRate.of(points(3, 3, 2, 0), points(2, 0, 2, 1));
        assertThat(winRate.rate()).isEqualTo(0.625);
        assertThat(winRate.standardError()).isCloseTo(Math.sqrt(0.171875 / 4), within(1e-12));
        assertThat(winRate.n()).isEqualTo(4);
    }

    @Test
    void aModelIsEvenWithItself() {
        List<AnswerRule.Verdict> verdicts = points(3, 0, 1);
        assertThat(WinRate.of(verdicts, verdicts)).isEqualTo(new WinRate(0.5, 0, 3));
    }

    @Test
    void answersToOtherQuestionsAreRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> WinRate.of(points(1), points(1, 2)));
        assertThatIllegalArgumentException().isThrownBy(() -> WinRate.of(points(), points()));
    }
}
