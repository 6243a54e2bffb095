package io.mmpo.infer;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.data.tokens.TokenizedGroup;
import org.junit.jupiter.api.Test;

class LongRowsTest {
    @Test
    void rowsBeyondThePositionsAreCounted() {
        LongRows rows = new LongRows(5);
        rows.accept(new TokenizedGroup(0, new int[2], new int[][] {new int[3], new int[1]}));
        assertThat(rows.message("trained on")).isEmpty();
        rows.accept(new TokenizedGroup(1, new int[2], new int[][] {new int[1], new int[4]}));
        assertThat(rows.message("trained on"))
                .contains(
                        "1 of 2 rows are longer than the 5 positions of the model (max_position_embeddings), the longest has 6 tokens;"
                                + " they are trained on as transformers does it, rotary positions going on; max_length: 5 cuts them");
    }
}
