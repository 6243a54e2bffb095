package io.mmpo.infer;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.nativelib.PackedBatch;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScorerTest {
    private static TokenizedGroup group(int row, int... prompt) {
        return new TokenizedGroup(row, prompt, new int[][] {{8}, {9, 9}});
    }

    @Test
    void whatAllPromptsBeginWithIsThereOnce() {
        PackedBatch batch =
                Scorer.sharing(List.of(group(0, 1, 2, 3, 4, 5), group(1, 1, 2, 3, 4), group(2, 1, 2, 3, 6)));
        assertThat(batch.preamble()).containsExactly(1, 2, 3);
        assertThat(batch.promptLengths()).containsExactly(2, 1, 1);
        assertThat(batch.tokens()).containsExactly(4, 5, 8, 9, 9, 4, 8, 9, 9, 6, 8, 9, 9);
    }

    @Test
    void ofEveryPromptATokenIsLeft() {
        PackedBatch batch = Scorer.sharing(List.of(group(0, 1, 2, 3, 4), group(1, 1, 2, 3, 4), group(2, 1, 2, 3, 4)));
        assertThat(batch.preamble()).containsExactly(1, 2, 3);
        assertThat(batch.promptLengths()).containsExactly(1, 1, 1);
    }

    @Test
    void whatSavesLittleStaysWhereItIs() {
        assertThat(Scorer.sharing(List.of(group(0, 1, 2, 3, 4), group(1, 1, 5, 6, 7), group(2, 1, 8, 9, 7)))
                        .preamble())
                .isEmpty();
        assertThat(Scorer.sharing(List.of(group(0, 1, 2, 3, 4))).preamble()).isEmpty();
        assertThat(Scorer.sharing(List.of(group(0, 1), group(1, 1), group(2, 1)))
                        .preamble())
                .isEmpty();
    }
}
