package io.mmpo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.data.rows.DatasetSource;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The paper's sources in the columns and formats that they are published in, on real rows. */
@Timeout(120)
class PublishedShapesTest {
    private static final String DATA = "data/preference/";

    @TempDir
    private Path directory;

    private static Tokenizer smolLm2() {
        return Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty());
    }

    private static List<String> pairs(Tokenizer tokenizer, DatasetSource source) {
        try (TokenizedDataset dataset =
                RowKind.PREFERENCE.open(source, () -> tokenizer, TokenizationOptions.UNLIMITED, Optional.empty())) {
            return TestRows.contents(dataset);
        }
    }

    private static List<String> pairs(Tokenizer tokenizer, Path file) {
        return pairs(tokenizer, DatasetSource.of(file));
    }

    /** prompt as text beside conversations that begin with it, in row groups of 128. */
    @Test
    void ultraFeedbackBinarizedEqualsItsConversationalForm() {
        Path published = Goldens.path(DATA + "parquet/ultrafeedback_binarized.parquet");
        try (Tokenizer tokenizer = smolLm2()) {
            List<String> rows = pairs(tokenizer, published);
            assertThat(rows)
                    .hasSizeGreaterThan(990)
                    .isEqualTo(pairs(tokenizer, Goldens.path(DATA + "ultrafeedback_train.jsonl")));
        }
    }

    @Test
    void orcaPairsAreConversationsOfOneQuestion() throws IOException {
        Path published = Goldens.path(DATA + "parquet/orca_columns.parquet");
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset rows =
                        RowKind.PREFERENCE.open(published, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            assertThat(rows.size()).isEqualTo(985);
            assertThat(tokenizer.decode(rows.get(0).prompt(), false))
                    .startsWith("<|im_start|>system\n")
                    .endsWith("<|im_end|>\n<|im_start|>assistant\n");
        }
        // the same rows in the file that the columns were filled with
        JsonNode politeness =
                Goldens.jsonLines(DATA + "rasbt_politeness_train.jsonl").getFirst();
        Path row = Files.writeString(directory.resolve("row.jsonl"), politeness.toString());
        try (Tokenizer tokenizer = smolLm2()) {
            List<String> expected = pairs(tokenizer, row);
            String orca = "{\"system\": \"\", \"question\": %s, \"chosen\": %s, \"rejected\": %s}"
                    .formatted(
                            politeness.at("/prompt/0/content"),
                            politeness.at("/chosen/0/content"),
                            politeness.at("/rejected/0/content"));
            assertThat(pairs(tokenizer, Files.writeString(directory.resolve("orca.jsonl"), orca)))
                    .isEqualTo(expected);
        }
    }

    @Test
    void columnsOfOtherNamesAreMapped() throws IOException {
        Path original = Goldens.path(DATA + "original/instruction-data-with-preference.json");
        DatasetSource source = new DatasetSource("rasbt", List.of(original), Map.of("question", "instruction"));
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset rows = RowKind.PREFERENCE.open(
                        source, () -> tokenizer, TokenizationOptions.UNLIMITED, Optional.empty())) {
            assertThat(rows.size()).isGreaterThan(1000);
            JsonNode first = Goldens.json(DATA + "original/instruction-data-with-preference.json")
                    .get(0);
            assertThat(tokenizer.decode(rows.get(0).prompt(), false))
                    .contains("<|im_start|>user\n" + first.get("instruction").textValue() + "<|im_end|>");
            assertThat(tokenizer.decode(rows.get(0).completions()[0], false))
                    .isEqualTo(first.get("chosen").textValue() + "<|im_end|>\n");
        }
        DatasetSource wrong = new DatasetSource("rasbt", List.of(original), Map.of("question", "query"));
        try (TokenizedDataset rows = RowKind.PREFERENCE.open(
                wrong, TestRows.NO_TOKENIZER, TokenizationOptions.UNLIMITED, Optional.empty())) {
            assertThatThrownBy(rows::size)
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining(
                            "columns maps question to 'query', which this row does not have; it has instruction");
        }
        DatasetSource unknown = new DatasetSource("rasbt", List.of(original), Map.of("answer", "chosen"));
        assertThatThrownBy(() -> RowKind.PREFERENCE.open(
                        unknown, TestRows.NO_TOKENIZER, TokenizationOptions.UNLIMITED, Optional.empty()))
                .hasMessageContaining("columns of rasbt names 'answer', which no row has");
    }

    /** Transcripts, gzip: the prompt is what both begin with. */
    @Test
    void harmlessTranscriptsComePacked() {
        Path published = Goldens.path(DATA + "original/hh_harmless_base_test.jsonl.gz");
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset rows =
                        RowKind.PREFERENCE.open(published, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            assertThat(rows.size()).isGreaterThan(2000);
            assertThat(tokenizer.decode(rows.get(0).prompt(), false)).startsWith("\n\nHuman:");
        }
    }

    @Test
    void messagesAloneAreForFineTuning() {
        Path published = Goldens.path(DATA + "parquet/sft_messages.parquet");
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset rows = RowKind.SFT.open(published, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            assertThat(rows.size()).isEqualTo(1000);
            assertThat(tokenizer.decode(rows.get(0).completions()[0], false)).contains("assistant\n");
        }
    }

    @Test
    void toolsThatTheTemplateLeavesOutAreCounted() throws IOException {
        Path file = Files.writeString(directory.resolve("tools.jsonl"), """
                {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "tools": [{"name": "f"}]}
                """);
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset rows = RowKind.SFT.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            assertThat(rows.summary().toString()).contains("1 with tools, which the chat template leaves out");
        }
    }

    /** Orca's pairs as Argilla publishes them: the question is called input. */
    @Test
    void inputBesideSystemIsTheQuestion() throws IOException {
        String row = "{\"system\": \"Be brief.\", \"%s\": \"Why?\", \"chosen\": \"So.\", \"rejected\": \"Now.\"}";
        try (Tokenizer tokenizer = smolLm2()) {
            Path question = Files.writeString(directory.resolve("a.jsonl"), row.formatted("question"));
            Path input = Files.writeString(directory.resolve("b.jsonl"), row.formatted("input"));
            assertThat(pairs(tokenizer, input))
                    .isEqualTo(pairs(tokenizer, question))
                    .hasSize(1);
        }
    }
}
