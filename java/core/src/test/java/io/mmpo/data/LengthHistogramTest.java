package io.mmpo.data;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.data.tokens.TokenizationOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LengthHistogramTest {
    @TempDir
    private Path directory;

    @Test
    void classesDouble() {
        assertThat(new int[] {0, 1, 2, 3, 4, 5, 8, 9, 1024, 1025})
                .satisfies(lengths -> assertThat(java.util.Arrays.stream(lengths)
                                .map(LengthHistogram::upperEnd)
                                .toArray())
                        .containsExactly(0, 1, 2, 4, 4, 8, 8, 16, 1024, 2048));
    }

    @Test
    void countsEverySegment() throws IOException {
        Path file = Files.writeString(
                directory.resolve("r.jsonl"),
                "{\"prompt_ids\": [1], \"chosen_ids\": [1, 2, 3], \"rejected_ids\": [1]}\n"
                        + "{\"prompt_ids\": [1], \"chosen_ids\": [1, 2, 3, 4], \"rejected_ids\": [1, 2, 3, 4, 5]}\n");
        try (TokenizedDataset data =
                RowKind.PREFERENCE.open(file, TestRows.NO_TOKENIZER, TokenizationOptions.UNLIMITED)) {
            LengthHistogram lengths = LengthHistogram.of(data);
            assertThat(lengths.counts().get("chosen")).isEqualTo(Map.of(4, 2));
            assertThat(lengths.counts().get("rejected")).isEqualTo(Map.of(1, 1, 8, 1));
            assertThat(lengths.toString().lines())
                    .contains(
                            "tokens of prompt:", "      3-4            2 " + "#".repeat(40), "      2-2            0");
        }
    }
}
