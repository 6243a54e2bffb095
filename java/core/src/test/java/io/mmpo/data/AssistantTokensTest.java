package io.mmpo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.data.tokens.Ids;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** assistant_only_loss: which tokens of a conversation are learnt. */
class AssistantTokensTest {
    private static final String TEMPLATE =
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}"
                    + "{% else %}{{ m.content }}<|im_end|>{% endif %}{{ '\\n' }}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    private static final String TURNS =
            "{\"role\": \"user\", \"content\": \"Why?\"}, {\"role\": \"assistant\", \"content\": \"So it is.\"}, {\"role\": \"user\", \"content\": \"Who says 😀?\"}";
    private static final String LAST = "{\"role\": \"assistant\", \"content\": \"I do.\"}";

    @TempDir
    private Path directory;

    private Tokenizer tokenizer;

    @BeforeEach
    void open() throws IOException {
        Path template = Files.writeString(directory.resolve("marks.jinja"), TEMPLATE);
        tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.of(template));
    }

    @AfterEach
    void close() {
        tokenizer.close();
    }

    private static TokenizationOptions options(OptionalInt maxLength, TruncationMode mode) {
        return new TokenizationOptions(maxLength, OptionalInt.empty(), OptionalInt.empty(), mode, false, true);
    }

    private static TokenizationOptions unlimited() {
        return options(OptionalInt.empty(), TruncationMode.KEEP_START);
    }

    private TokenizedDataset rows(String row, TokenizationOptions options) throws IOException {
        Path file = Files.writeString(directory.resolve("data.jsonl"), row);
        return RowKind.SFT.open(file, () -> tokenizer, options);
    }

    private TokenizedGroup only(String row, TokenizationOptions options) throws IOException {
        try (TokenizedDataset dataset = rows(row, options)) {
            assertThat(dataset.size()).isEqualTo(1);
            return dataset.get(0);
        }
    }

    /** The texts that are learnt, one after another, and between them a bar. */
    private String learnt(TokenizedGroup group) {
        StringBuilder text = new StringBuilder();
        int[] ids = group.completions()[0];
        int begin = 0;
        for (int end = 1; end <= ids.length; end++) {
            if (end == ids.length || Ids.isLearnt(ids[end]) != Ids.isLearnt(ids[begin])) {
                int[] run = Arrays.copyOfRange(ids, begin, end);
                text.append(Ids.isLearnt(run[0]) ? tokenizer.decode(run, false) : "|");
                begin = end;
            }
        }
        return text.toString();
    }

    private String whole(TokenizedGroup group) {
        int[] ids = IntStream.concat(Arrays.stream(group.prompt()), Arrays.stream(Ids.plain(group.completions()[0])))
                .toArray();
        return tokenizer.decode(ids, false);
    }

    @Test
    void everyAnswerIsLearntAndWhatIsBetweenIsRead() throws IOException {
        TokenizedGroup group = only("{\"messages\": [" + TURNS + ", " + LAST + "]}", unlimited());
        assertThat(learnt(group)).isEqualTo("So it is.<|im_end|>|I do.<|im_end|>");
        assertThat(tokenizer.decode(group.prompt(), false))
                .isEqualTo("<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n");
        assertThat(whole(group)).endsWith("Who says 😀?<|im_end|>\n<|im_start|>assistant\nI do.<|im_end|>");
    }

    @Test
    void ofAPromptNothingIsLearntUnlessTheWholeRowIs() throws IOException {
        String row = "{\"prompt\": [" + TURNS + "], \"completion\": [" + LAST + "]}";
        TokenizedGroup completion = only(row, unlimited());
        assertThat(learnt(completion)).isEqualTo("I do.<|im_end|>");
        TokenizationOptions wholeRows = new TokenizationOptions(
                OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty(), TruncationMode.KEEP_START, true, true);
        assertThat(learnt(only(row, wholeRows))).isEqualTo("So it is.<|im_end|>|I do.<|im_end|>");
    }

    @Test
    void truncationLeavesWhatItLeaves() throws IOException {
        String row = "{\"messages\": [" + TURNS + ", " + LAST + "]}";
        TokenizedGroup start = only(row, options(OptionalInt.of(16), TruncationMode.KEEP_START));
        assertThat(learnt(start)).isEqualTo("So it is.<|im_end|>");
        TokenizedGroup end = only(row, options(OptionalInt.of(8), TruncationMode.KEEP_END));
        assertThat(learnt(end)).isEqualTo("I do.<|im_end|>");
        try (TokenizedDataset dataset = rows(row, options(OptionalInt.of(5), TruncationMode.KEEP_START))) {
            assertThatThrownBy(dataset::size)
                    .hasMessageContaining("1 dropped because the prompt alone fills max_length");
        }
    }

    @Test
    void inspectionShowsWhatCounts() throws IOException {
        TokenizedGroup group = only("{\"messages\": [" + TURNS + ", " + LAST + "]}", unlimited());
        DataInspection inspection = new DataInspection(Optional.of(tokenizer), false);
        assertThat(inspection.describe(group))
                .containsSubsequence("prompt: 11 tokens, mask 0", "completion: 5 tokens, mask 1", "mask 0", "mask 1")
                .doesNotContain("-");
        assertThat(inspection.json(group)).contains("\"completion\":[1,1").doesNotContain("-");
    }

    @Test
    void whatCannotBeLearntIsRefused() throws IOException {
        assertRefused("{\"messages\": [{\"role\": \"user\", \"content\": \"Alone\"}]}", "marks none of its text");
        assertRefused("{\"text\": \"plain\"}", "wants rows of messages");
        tokenizer.close();
        tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty());
        assertRefused("{\"messages\": [" + TURNS + ", " + LAST + "]}", "{% generation %}");
    }

    private void assertRefused(String row, String why) throws IOException {
        try (TokenizedDataset dataset = rows(row, unlimited())) {
            assertThatThrownBy(dataset::size)
                    .isInstanceOfSatisfying(
                            MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                    .hasMessageContaining(why);
        }
    }
}
