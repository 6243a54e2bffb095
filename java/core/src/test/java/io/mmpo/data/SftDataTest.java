package io.mmpo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.data.tokens.TruncationMode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class SftDataTest {
    private static final String MESSAGES =
            "[{\"role\": \"user\", \"content\": \"Why?\"}, {\"role\": \"assistant\", \"content\": \"So.\"}]";

    @TempDir
    private Path directory;

    private TokenizedGroup only(Tokenizer tokenizer, String row, TokenizationOptions options) throws IOException {
        Path file = Files.writeString(directory.resolve("data.jsonl"), row);
        try (TokenizedDataset dataset = RowKind.SFT.open(file, () -> tokenizer, options)) {
            assertThat(dataset.size()).isEqualTo(1);
            return dataset.get(0);
        }
    }

    private static String text(Tokenizer tokenizer, TokenizedGroup group) {
        return tokenizer.decode(
                IntStream.concat(Arrays.stream(group.prompt()), Arrays.stream(group.completions()[0]))
                        .toArray(),
                false);
    }

    @Test
    void messagesAndTextTrainOnAllTokensAfterTheFirst() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty())) {
            TokenizedGroup messages =
                    only(tokenizer, "{\"messages\": " + MESSAGES + "}", TokenizationOptions.UNLIMITED);
            assertThat(messages.prompt()).containsExactly(1); // <|im_start|>
            assertThat(text(tokenizer, messages))
                    .startsWith("<|im_start|>system\n")
                    .endsWith("assistant\nSo.<|im_end|>\n");
            TokenizedGroup text = only(tokenizer, "{\"text\": \"Once upon a time\"}", TokenizationOptions.UNLIMITED);
            assertThat(text.prompt()).hasSize(1);
            assertThat(text(tokenizer, text)).isEqualTo("Once upon a time<|im_end|>");
        }
    }

    @Test
    void promptAndCompletionTrainOnTheCompletion() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty())) {
            TokenizedGroup conversation = only(
                    tokenizer,
                    "{\"prompt\": [{\"role\": \"user\", \"content\": \"Why?\"}], \"completion\": [{\"role\": \"assistant\", \"content\": \"So.\"}]}",
                    TokenizationOptions.UNLIMITED);
            assertThat(tokenizer.decode(conversation.completions()[0], false)).isEqualTo("So.<|im_end|>\n");
            TokenizedGroup text =
                    only(tokenizer, "{\"prompt\": \"Why?\", \"completion\": \" So.\"}", TokenizationOptions.UNLIMITED);
            assertThat(tokenizer.decode(text.prompt(), false)).isEqualTo("Why?");
            assertThat(tokenizer.decode(text.completions()[0], false)).isEqualTo(" So.<|im_end|>");
            TokenizedGroup noPrompt =
                    only(tokenizer, "{\"prompt\": \"\", \"completion\": \"So it is\"}", TokenizationOptions.UNLIMITED);
            assertThat(noPrompt.prompt()).hasSize(1);
            assertThat(text(tokenizer, noPrompt)).isEqualTo("So it is<|im_end|>");
        }
    }

    /** completion_only_loss: false, with the ids of the same text without a prompt; text that is a column of another name. */
    @Test
    void wholeRowsTrainOnThePromptToo() throws IOException {
        TokenizationOptions whole = new TokenizationOptions(
                OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty(), TruncationMode.KEEP_START, true, false);
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty())) {
            TokenizedGroup text = only(tokenizer, "{\"prompt\": \"Why?\", \"completion\": \" So.\"}", whole);
            TokenizedGroup joined = only(tokenizer, "{\"text\": \"Why? So.\"}", TokenizationOptions.UNLIMITED);
            assertThat(text.prompt()).hasSize(1).isEqualTo(joined.prompt());
            assertThat(text.completions()[0]).isEqualTo(joined.completions()[0]);
            TokenizedGroup messages = only(
                    tokenizer,
                    "{\"prompt\": [{\"role\": \"user\", \"content\": \"Why?\"}], \"completion\": [{\"role\": \"assistant\", \"content\": \"So.\"}]}",
                    whole);
            TokenizedGroup conversation =
                    only(tokenizer, "{\"messages\": " + MESSAGES + "}", TokenizationOptions.UNLIMITED);
            assertThat(messages.prompt()).isEqualTo(conversation.prompt());
            assertThat(messages.completions()[0]).isEqualTo(conversation.completions()[0]);
            TokenizedGroup ids = only(tokenizer, "{\"prompt_ids\": [5, 6], \"completion_ids\": [7, 8]}", whole);
            assertThat(ids.prompt()).containsExactly(5);
            assertThat(ids.completions()[0]).containsExactly(6, 7, 8);
        }
    }

    /** ShareGPT's conversations, with the ids that TRL 1.13 makes of them: it renames the keys, and roles stay as they are spelt. */
    @Test
    void conversationsOfFromAndValueAreTrls() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty())) {
            TokenizedGroup group = only(
                    tokenizer,
                    Files.readString(Goldens.path("reports/07-sharegpt/sft_conversations.jsonl")),
                    TokenizationOptions.UNLIMITED);
            assertThat(group.prompt()).containsExactly(1);
            assertThat(group.completions()[0])
                    .containsExactly(
                            9690, 198, 6077, 5453, 30, 2, 198, 1, 10621, 198, 5820, 253, 5615, 30, 2, 198, 1, 87, 437,
                            198, 49, 267, 723, 30, 2, 198);
            assertThat(text(tokenizer, group)).contains("<|im_start|>human\nName a bird.");
        }
    }

    @Test
    void conversationsOfRoleAndContentAreMessages() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty())) {
            TokenizedGroup messages =
                    only(tokenizer, "{\"messages\": " + MESSAGES + "}", TokenizationOptions.UNLIMITED);
            TokenizedGroup conversations =
                    only(tokenizer, "{\"id\": 1, \"conversations\": " + MESSAGES + "}", TokenizationOptions.UNLIMITED);
            assertThat(conversations.completions()).isDeepEqualTo(messages.completions());
            // TRL knows conversations of from/value before anything else, and others not at all.
            TokenizedGroup shareGpt = only(
                    tokenizer,
                    "{\"text\": \"x\", \"conversations\": [{\"from\": \"user\", \"value\": \"Why?\"}, {\"from\": \"assistant\", \"value\": \"So.\", \"weight\": 1}]}",
                    TokenizationOptions.UNLIMITED);
            assertThat(shareGpt.completions()).isDeepEqualTo(messages.completions());
            TokenizedGroup text = only(
                    tokenizer, "{\"text\": \"x\", \"conversations\": " + MESSAGES + "}", TokenizationOptions.UNLIMITED);
            assertThat(text(tokenizer, text)).isEqualTo("x<|im_end|>");
        }
    }

    /** KTO's rows train as TRL's SFTTrainer trains on them: the label is not read. */
    @Test
    void columnsThatNobodyReadsMayHoldAnything() throws IOException {
        TokenizedGroup row = only(
                null,
                "{\"label\": NaN, \"score\": -Infinity, \"x\": 1e400, \"y\": " + "9".repeat(20_000)
                        + ", \"y\": [{\"a\": 1, \"a\": 2}], \"z\": \"\\ud800\", \"prompt_ids\": [1], \"completion_ids\": [2]}",
                TokenizationOptions.UNLIMITED);
        assertThat(row.completions()[0]).containsExactly(2);
    }

    @Test
    void limitsOfPromptAndCompletionLeaveWholeTextsAlone() throws IOException {
        TokenizationOptions options = new TokenizationOptions(
                OptionalInt.of(6), OptionalInt.of(2), OptionalInt.of(3), TruncationMode.KEEP_START);
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty())) {
            TokenizedGroup text = only(tokenizer, "{\"text\": \"one two three four five six seven eight\"}", options);
            assertThat(text.prompt().length + text.completions()[0].length).isEqualTo(6);
            TokenizedGroup parts =
                    only(tokenizer, "{\"prompt_ids\": [1, 2, 3], \"completion_ids\": [4, 5, 6, 7]}", options);
            assertThat(parts.prompt()).containsExactly(2, 3);
            assertThat(parts.completions()[0]).containsExactly(4, 5, 6);
        }
    }

    @Test
    void rowOfNoKnownShapeSaysWhatIsAccepted() throws IOException {
        Path file = Files.writeString(directory.resolve("data.jsonl"), "\n{\"question\": \"x\", \"answer\": \"y\"}\n");
        try (TokenizedDataset dataset = RowKind.SFT.open(file, () -> null, TokenizationOptions.UNLIMITED)) {
            assertThatThrownBy(dataset::size)
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining("data.jsonl, line 2")
                    .hasMessageContaining("question, answer")
                    .hasMessageContaining("{prompt, completion}");
        }
    }
}
