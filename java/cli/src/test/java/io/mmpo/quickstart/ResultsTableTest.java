package io.mmpo.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ResultsTableTest {
    private static StageResult result(Stage stage, double rate) {
        List<AnswerRule.Verdict> verdicts = List.of(
                new AnswerRule.Verdict(true, true, true, true), new AnswerRule.Verdict(true, false, false, false));
        return new StageResult(
                stage, new HeldOut.Measurement(List.of(), verdicts, 0.75), new WinRate(rate, 0.04, 124), 12.34);
    }

    @Test
    void aRowHoldsWhatWasMeasured() {
        String table = ResultsTable.format(List.of(result(Stage.MMPO, 0.815)));
        assertThat(table.lines().toList().get(1).split("\\s{2,}"))
                .containsExactly("MMPO", "81.5% ± 4.0", "2.00 of 3", "50.0%", "75.0%", "12.3 s");
    }

    @Test
    void columnsStandUnderTheirNames() {
        List<String> lines = ResultsTable.format(List.of(result(Stage.SFT, 0.5), result(Stage.DPO, 1)))
                .lines()
                .toList();
        assertThat(lines).hasSize(3).allSatisfy(line -> assertThat(line).hasSameSizeAs(lines.getFirst()));
    }

    /** 0.04 is the standard error: 0.08 from even is not enough. */
    @Test
    void aWinIsCalledOneOnlyBeyondTwoStandardErrors() {
        assertThat(ResultsTable.verdict(result(Stage.MMPO, 0.59))).startsWith("MMPO beats SFT");
        assertThat(ResultsTable.verdict(result(Stage.MMPO, 0.57))).contains("not told apart");
        assertThat(ResultsTable.verdict(result(Stage.DPO, 0.43))).contains("not told apart");
        assertThat(ResultsTable.verdict(result(Stage.DPO, 0.40))).startsWith("DPO does not beat SFT");
    }
}
