package io.mmpo.data;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataInspectionTest {
    private static final TokenizedGroup PAIR =
            new TokenizedGroup(4, new int[] {1, 403}, new int[][] {{407}, {261, 378}});

    @Test
    void showsLengthMaskTextAndIds() {
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/stories260k"), Optional.empty())) {
            assertThat(new DataInspection(Optional.of(tokenizer), false).describe(PAIR))
                    .isEqualTo("""
              row 4
                prompt: 2 tokens, mask 0
                  text %s
                  ids  1 403
                chosen: 1 token, mask 1
                  text %s
                  ids  407
                rejected: 2 tokens, mask 1
                  text %s
                  ids  261 378
              """.formatted(
                                    tokenizer.decode(new int[] {1, 403}, false),
                                    tokenizer.decode(new int[] {407}, false),
                                    tokenizer.decode(new int[] {261, 378}, false)));
        }
    }

    @Test
    void coloursSegmentsButLetsNoControlCharacterThrough() {
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty())) {
            int[] escape = tokenizer.encode("\u001b[31m\n", false);
            String shown = new DataInspection(Optional.of(tokenizer), true)
                    .describe(new TokenizedGroup(0, escape, new int[][] {escape}));
            assertThat(shown).contains("\u001b[36m\\u001b[31m\\n\u001b[0m");
        }
    }

    @Test
    void jsonLineIsATokenizedRow(@TempDir Path directory) throws IOException {
        DataInspection inspection = new DataInspection(Optional.empty(), false);
        String line = inspection.json(PAIR);
        JsonNode json = new ObjectMapper().readTree(line);
        assertThat(json.get("row").intValue()).isEqualTo(4);
        assertThat(json.get("mask").toString()).isEqualTo("{\"prompt\":0,\"chosen\":1,\"rejected\":1}");
        Path file = Files.writeString(directory.resolve("rows.jsonl"), line);
        try (TokenizedDataset dataset = RowKind.PREFERENCE.open(file, () -> null, TokenizationOptions.UNLIMITED)) {
            assertThat(dataset.get(0).completions()).isDeepEqualTo(PAIR.completions());
            assertThat(inspection.json(dataset.summary(), LengthHistogram.of(dataset)))
                    .startsWith("{\"summary\":{\"rows\":1,\"kept\":1,\"dropped_empty\":0,")
                    .endsWith(
                            "\"max_tokens\":5},\"lengths\":{\"prompt\":{\"2\":1},\"chosen\":{\"1\":1},\"rejected\":{\"2\":1}}}");
        }
    }
}
