package io.mmpo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.data.tokens.TruncationMode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
class PreferenceDataTest {
    private static final Supplier<Tokenizer> NO_TOKENIZER = () -> {
        throw new AssertionError("no tokenizer is needed");
    };

    @TempDir
    private Path directory;

    private Path file(String... lines) throws IOException {
        return Files.writeString(directory.resolve("data.jsonl"), String.join("\n", lines) + "\n");
    }

    private static Tokenizer smolLm2() {
        return Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty());
    }

    private static List<TokenizedGroup> all(TokenizedDataset dataset) {
        List<TokenizedGroup> groups = new ArrayList<>();
        for (int i = 0; i < dataset.size(); i++) {
            groups.add(dataset.get(i));
        }
        return groups;
    }

    /** golden.json holds what TRL's rules give for these rows, checked by transformers. */
    @ParameterizedTest
    @CsvSource({"hh_harmless_test", "ultrafeedback_test"})
    void idsEqualTrlOnSmolLm2(String name) {
        Path file = Goldens.path("data/preference/" + name + ".jsonl");
        List<JsonNode> rows = Goldens.jsonLines("data/preference/" + name + ".jsonl");
        Map<String, Integer> rowOfId = new HashMap<>();
        rows.forEach(row -> rowOfId.put(row.get("id").textValue(), rowOfId.size()));
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            Map<Integer, TokenizedGroup> groups = new HashMap<>();
            all(dataset).forEach(group -> groups.put(group.row(), group));
            int withIds = 0;
            for (JsonNode golden :
                    Goldens.json("models/smollm2-135m-instruct/golden.json").get("logprobs")) {
                if (!golden.get("file").textValue().equals(name)) {
                    continue;
                }
                TokenizedGroup group = groups.get(rowOfId.get(golden.get("id").textValue()));
                assertThat(group.prompt()).hasSize(golden.get("prompt_tokens").intValue());
                assertThat(group.completions()[0])
                        .hasSize(golden.get("chosen_tokens").intValue());
                assertThat(group.completions()[1])
                        .hasSize(golden.get("rejected_tokens").intValue());
                if (golden.has("prompt_ids")) {
                    withIds++;
                    assertThat(group.prompt()).isEqualTo(Goldens.ints(golden.get("prompt_ids")));
                    assertThat(group.completions()[0]).isEqualTo(Goldens.ints(golden.get("chosen_ids")));
                    assertThat(group.completions()[1]).isEqualTo(Goldens.ints(golden.get("rejected_ids")));
                }
            }
            assertThat(withIds).isEqualTo(3);
        }
    }

    @Test
    void idsEqualTransformersOnLlama() {
        Path file = Goldens.path("data/preference/hh_harmless_test.jsonl");
        Map<String, JsonNode> goldens = new HashMap<>();
        Goldens.jsonLines("data/tokenizers/llama-3.1/hh_harmless_test_ids.jsonl")
                .forEach(golden -> goldens.put(golden.get("id").textValue(), golden));
        List<JsonNode> rows = Goldens.jsonLines("data/preference/hh_harmless_test.jsonl");
        int compared = 0;
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("data/tokenizers/llama-3.1"), Optional.empty());
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            for (TokenizedGroup group : all(dataset)) {
                JsonNode golden = goldens.get(rows.get(group.row()).get("id").textValue());
                if (golden != null) {
                    compared++;
                    assertThat(group.prompt()).isEqualTo(Goldens.ints(golden.get("prompt_ids")));
                    assertThat(group.completions()[0]).isEqualTo(Goldens.ints(golden.get("chosen_ids")));
                    assertThat(group.completions()[1]).isEqualTo(Goldens.ints(golden.get("rejected_ids")));
                }
            }
        }
        assertThat(compared).isEqualTo(50);
    }

    @Test
    void emptyAnswersAreDroppedAndEqualPairsCounted() {
        Path file = Goldens.path("data/preference/ultrafeedback_train.jsonl");
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            DatasetSummary summary = dataset.summary();
            assertThat(summary.rows()).isEqualTo(1000);
            assertThat(summary.kept()).isEqualTo(998);
            assertThat(summary.droppedEmpty()).isEqualTo(2); // rows 478 and 833 have an answer without text
            assertThat(summary.identicalPairs()).isEqualTo(4);
            assertThat(dataset.get(478).row()).isEqualTo(479);
            assertThat(summary)
                    .asString()
                    .contains("998 of 1000 rows kept")
                    .contains("2 dropped for an empty completion");
        }
    }

    @Test
    void tokenizedRowsNeedNoTokenizer() throws IOException {
        Path file = file(
                "{\"prompt_ids\": [1, 2], \"chosen_ids\": [3], \"rejected_ids\": [4, 5], \"id\": \"x\"}",
                "",
                "{\"prompt_ids\": [6], \"chosen_ids\": [7], \"rejected_ids\": []}",
                "{\"prompt_ids\": [], \"chosen_ids\": [8, 9], \"rejected_ids\": [8, 1]}",
                "{\"prompt_ids\": [], \"chosen_ids\": [8, 9], \"rejected_ids\": [7, 1]}");
        try (TokenizedDataset dataset = RowKind.PREFERENCE.open(file, NO_TOKENIZER, TokenizationOptions.UNLIMITED)) {
            assertThat(dataset.size()).isEqualTo(2);
            assertThat(dataset.get(0))
                    .usingRecursiveComparison()
                    .isEqualTo(new TokenizedGroup(0, new int[] {1, 2}, new int[][] {{3}, {4, 5}}));
            // the first token that both share stands in for the prompt; a pair without one cannot be packed
            assertThat(dataset.get(1))
                    .usingRecursiveComparison()
                    .isEqualTo(new TokenizedGroup(2, new int[] {8}, new int[][] {{9}, {1}}));
            assertThat(dataset.summary()).isEqualTo(new DatasetSummary(4, 2, 1, 0, 1, 0, 0, 0, 0, 0, 0, 3, 5, 5));
            assertThatThrownBy(() -> dataset.get(2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> dataset.get(-1)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void endTokenIsAddedToTextThatDoesNotEndInIt() throws IOException {
        Path file = file("{\"prompt\": \"The sky is\", \"chosen\": \" blue\", \"rejected\": \" green<|im_end|>\"}");
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            TokenizedGroup group = dataset.get(0);
            assertThat(tokenizer.decode(group.prompt(), false)).isEqualTo("The sky is");
            assertThat(tokenizer.decode(group.completions()[0], false)).isEqualTo(" blue<|im_end|>");
            assertThat(tokenizer.decode(group.completions()[1], false)).isEqualTo(" green<|im_end|>");
        }
    }

    @Test
    void tokenAcrossTheEndOfThePromptIsSplitAndCounted() throws IOException {
        Path file = file("{\"prompt\": \"unbeliev\", \"chosen\": \"able\", \"rejected\": \" x\"}");
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            TokenizedGroup group = dataset.get(0);
            assertThat(dataset.summary().boundaryMerges()).isEqualTo(1);
            assertThat(group.prompt()).isEqualTo(tokenizer.encode("unbeliev", true));
            assertThat(group.completions()[0]).isEqualTo(tokenizer.encode("able<|im_end|>", false));
        }
    }

    @Test
    void promptIsWhatBothConversationsBeginWith() throws IOException {
        String question = "{\"role\": \"user\", \"content\": \"Why?\"}";
        String yes = "{\"role\": \"assistant\", \"content\": \"Yes\"}";
        String no = "{\"role\": \"assistant\", \"content\": \"No\"}";
        Path file = file(
                "{\"prompt\": [%s], \"chosen\": [%s], \"rejected\": [%s]}".formatted(question, yes, no),
                "{\"chosen\": [%s, %s], \"rejected\": [%s, %s]}".formatted(question, yes, question, no),
                "{\"prompt\": \"Why?\", \"chosen\": [%s, %s], \"rejected\": [%s, %s]}"
                        .formatted(question, yes, question, no));
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            TokenizedGroup explicit = dataset.get(0);
            assertThat(tokenizer.decode(explicit.completions()[0], false)).isEqualTo("Yes<|im_end|>\n");
            for (int i = 1; i < 3; i++) {
                assertThat(dataset.get(i).prompt()).isEqualTo(explicit.prompt());
                assertThat(dataset.get(i).completions()).isDeepEqualTo(explicit.completions());
            }
        }
    }

    @Test
    void templateMayOpenTheAnswerWithTextThatAnAnswerLacks() throws IOException {
        Path template = Files.writeString(
                directory.resolve("think.jinja"),
                "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant><think>{% endif %}");
        Path file = file(
                "{\"prompt\": [{\"role\": \"user\", \"content\": \"Q\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"A\"}],"
                        + " \"rejected\": [{\"role\": \"assistant\", \"content\": \"B\"}]}");
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.of(template));
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            assertThat(tokenizer.decode(dataset.get(0).prompt(), false)).isEqualTo("<user>Q<assistant>");
            assertThat(tokenizer.decode(dataset.get(0).completions()[1], false)).isEqualTo("B");
            assertThat(dataset.summary().boundaryMerges()).isEqualTo(1);
            assertThat(dataset.summary().toString())
                    .contains(
                            "1 tokenized in two parts (the template opens an answer with text that the answer does not have)")
                    .doesNotContain("a token spans");
        }
    }

    @Test
    void toolsAndKeywordsReachTheTemplate() throws IOException {
        Path template = Files.writeString(
                directory.resolve("tools.jinja"),
                "{{ tools|tojson }}{{ mood }}{% for m in messages %}<{{ m.content }}>{% endfor %}");
        Path file = file(
                "{\"prompt\": [{\"role\": \"user\", \"content\": \"Q\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"A\"}],"
                        + " \"rejected\": [{\"role\": \"assistant\", \"content\": \"B\"}], \"tools\": \"[{\\\"name\\\": \\\"f\\\", \\\"n\\\": 1}]\","
                        + " \"chat_template_kwargs\": {\"mood\": \"calm\"}}");
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.of(template));
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            assertThat(tokenizer.decode(dataset.get(0).prompt(), false))
                    .isEqualTo("[{\"name\": \"f\", \"n\": 1}]calm<Q>");
        }
    }

    @Test
    void jsonArrayIsReadToo() throws IOException {
        Path file = Files.writeString(
                directory.resolve("data.json"),
                "[{\"prompt_ids\": [1], \"chosen_ids\": [2], \"rejected_ids\": [3]},\n {\"prompt_ids\": [4], \"chosen_ids\": [5], \"rejected_ids\": [6]}]");
        try (TokenizedDataset dataset = RowKind.PREFERENCE.open(file, NO_TOKENIZER, TokenizationOptions.UNLIMITED)) {
            assertThat(dataset.size()).isEqualTo(2);
            assertThat(dataset.get(1).completions()[1]).containsExactly(6);
        }
    }

    @Test
    void errorOfARowComesWhenThatRowIsWanted() throws IOException {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            lines.add("{\"prompt_ids\": [%d], \"chosen_ids\": [2], \"rejected_ids\": [3]}".formatted(i));
        }
        lines.set(200, "{\"prompt_ids\": [1], \"rejected_ids\": [3]}");
        try (TokenizedDataset dataset = RowKind.PREFERENCE.open(
                file(lines.toArray(String[]::new)), NO_TOKENIZER, TokenizationOptions.UNLIMITED)) {
            for (int i = 0; i < 200; i++) {
                assertThat(dataset.get(i).prompt()).containsExactly(i);
            }
            assertThatThrownBy(() -> dataset.get(200))
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining("line 201");
            assertThatThrownBy(dataset::size).isInstanceOf(MmpoException.class);
            assertThat(dataset.get(199).prompt()).containsExactly(199);
        }
    }

    @Test
    void orderOfTheFileIsKeptWhateverARowCosts() throws IOException {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            int cost = i % 7 == 0 ? 3000 : 1;
            lines.add("{\"prompt\": \"row %d \", \"chosen\": \"%s\", \"rejected\": \"no\"}"
                    .formatted(i, "word ".repeat(cost)));
        }
        try (Tokenizer tokenizer = smolLm2();
                TokenizedDataset dataset = RowKind.PREFERENCE.open(
                        file(lines.toArray(String[]::new)), () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            for (int i = 0; i < 200; i++) {
                assertThat(dataset.get(i).row()).isEqualTo(i);
                assertThat(tokenizer.decode(dataset.get(i).prompt(), false)).startsWith("row " + i);
            }
        }
    }

    @Test
    void evenAnErrorOfTheJvmReachesWhoWaits() throws IOException {
        Path file = file("{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}");
        Supplier<Tokenizer> broken = () -> {
            throw new StackOverflowError("made by a test");
        };
        try (TokenizedDataset dataset = RowKind.PREFERENCE.open(file, broken, TokenizationOptions.UNLIMITED)) {
            assertThatThrownBy(() -> dataset.get(0))
                    .hasMessageContaining("made by a test")
                    .hasMessageContaining("data.jsonl");
        }
    }

    @Test
    void closingStopsTheThreads() throws Exception {
        Path file = directory.resolve("long.jsonl");
        Files.writeString(file, "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}\n".repeat(100_000));
        Tokenizer tokenizer = smolLm2();
        TokenizedDataset dataset = RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED);
        assertThat(dataset.get(5).row()).isEqualTo(5);
        dataset.close();
        dataset.close();
        tokenizer.close();
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.isAlive() && thread.getName().startsWith("mmpo-data-"));
        assertThatThrownBy(dataset::size).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void emptyFileIsAnErrorWithItsPath() throws IOException {
        for (String content : List.of("", "\n \n")) {
            Path file = Files.writeString(directory.resolve("empty.jsonl"), content);
            try (TokenizedDataset dataset =
                    RowKind.PREFERENCE.open(file, NO_TOKENIZER, TokenizationOptions.UNLIMITED)) {
                assertThatThrownBy(dataset::size)
                        .isInstanceOfSatisfying(
                                MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                        .hasMessageContaining("empty.jsonl")
                        .hasMessageContaining("no rows");
                assertThatThrownBy(() -> dataset.get(0)).isInstanceOf(MmpoException.class);
            }
        }
    }

    @Test
    void fileOfWhichNothingIsLeftSaysWhy() throws IOException {
        Path file = file("{\"prompt_ids\": [1, 2, 3], \"chosen_ids\": [2], \"rejected_ids\": [3]}");
        TokenizationOptions options = new TokenizationOptions(
                OptionalInt.of(2), OptionalInt.empty(), OptionalInt.empty(), TruncationMode.KEEP_START);
        try (TokenizedDataset dataset = RowKind.PREFERENCE.open(file, NO_TOKENIZER, options)) {
            assertThatThrownBy(dataset::size)
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining("1 dropped because the prompt alone fills max_length");
        }
    }

    @Test
    void missingFileAndMissingTemplateAreClear() throws IOException {
        assertThatThrownBy(() -> RowKind.PREFERENCE.open(
                        directory.resolve("no.jsonl"), NO_TOKENIZER, TokenizationOptions.UNLIMITED))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("no.jsonl");
        Path file = file(
                "{\"prompt\": [{\"role\": \"user\", \"content\": \"Q\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"A\"}],"
                        + " \"rejected\": [{\"role\": \"assistant\", \"content\": \"B\"}]}");
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/stories260k"), Optional.empty());
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            assertThatThrownBy(dataset::size)
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining("line 1")
                    .hasMessageContaining("chat_template_path");
        }
    }
}
