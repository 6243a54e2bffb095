package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.data.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WordBoundaryTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Whatever may stand around a cut: white space of all kinds, contractions, digits, marks that combine, special tokens. */
    private static final List<String> PIECES = List.of(
            " ",
            "  ",
            "\n",
            "\t",
            "\r\n",
            "\u00a0",
            "\u3000",
            "\u0301",
            "'",
            "'s",
            "'RE",
            "a",
            "Zed",
            "b c",
            "x y",
            "é",
            "ß",
            "中",
            "12",
            "3",
            "½",
            ".",
            "...",
            "_",
            "!?",
            "🦙",
            "\ufeff",
            "<|im_start|>",
            "<|im_end|>",
            "<|eot_id|>",
            "<|begin_of_text|>",
            "<s>",
            "\0");

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({
        "models/smollm2-135m-instruct, true",
        "data/tokenizers/llama-3.1, true",
        "models/stories260k, false", // words are not cut out before merges there
    })
    void textsThatBeginAlikeHaveTheIdsThatEachHasAlone(String directory, boolean cuts) {
        Random random = new Random(1);
        int cut = 0;
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path(directory), Optional.empty())) {
            for (int trial = 0; trial < 1000; trial++) {
                String shared = text(random, 12);
                List<String> texts =
                        Stream.generate(() -> shared + text(random, 6)).limit(3).toList();
                cut += WordBoundary.lastShared(texts) > 0 ? 1 : 0;
                assertSame(tokenizer, texts);
            }
            for (JsonNode row : Goldens.jsonLines("data/preference/ultrafeedback_test.jsonl")
                    .subList(0, 50)) {
                String prompt = row.get("prompt").get(0).get("content").textValue();
                assertSame(
                        tokenizer,
                        List.of(
                                prompt,
                                prompt + row.get("chosen").get(0).get("content").textValue(),
                                prompt
                                        + row.get("rejected")
                                                .get(0)
                                                .get("content")
                                                .textValue()));
            }
        }
        assertThat(cut).isBetween(150, 900);
        assertThat(TokenizerFiles.read(Goldens.path(directory), Optional.empty())
                        .cutsAtWords())
                .isEqualTo(cuts);
    }

    private static String text(Random random, int most) {
        return random.ints(random.nextInt(most), 0, PIECES.size())
                .mapToObj(PIECES::get)
                .collect(Collectors.joining());
    }

    private static void assertSame(Tokenizer tokenizer, List<String> texts) {
        for (boolean special : new boolean[] {false, true}) {
            List<int[]> together = tokenizer.encodeBatch(texts, special);
            for (int i = 0; i < texts.size(); i++) {
                assertThat(together.get(i)).as(texts.get(i)).isEqualTo(tokenizer.encode(texts.get(i), special));
            }
        }
    }

    @Test
    void theLastPlaceBetweenTwoWordsThatAllShareIsTaken() {
        assertThat(WordBoundary.lastShared(List.of("one two three", "one two, then")))
                .isEqualTo(3);
        assertThat(WordBoundary.lastShared(List.of("one two", "one two"))).isEqualTo(3);
        assertThat(WordBoundary.lastShared(List.of("one t", "one "))).isZero();
        assertThat(WordBoundary.lastShared(List.of("one 2", "one. two", ""))).isZero();
    }

    @Test
    void whatIsNotKnownIsNotCut() throws IOException {
        assertThat(separates(tokenizer -> {})).isTrue();
        assertThat(separates(tokenizer ->
                        tokenizer.set("normalizer", JSON.createObjectNode().put("type", "NFC"))))
                .isTrue();
        List<Consumer<ObjectNode>> changes = new ArrayList<>();
        changes.add(
                tokenizer -> tokenizer.set("normalizer", JSON.createObjectNode().put("type", "Lowercase")));
        changes.add(tokenizer -> tokenizer.putNull("pre_tokenizer"));
        changes.add(tokenizer -> tokenizer.withObject("/pre_tokenizer").put("type", "Whitespace"));
        changes.add(tokenizer -> preTokenizer(tokenizer).put("add_prefix_space", true));
        changes.add(tokenizer -> preTokenizer(tokenizer).put("use_regex", false));
        changes.add(tokenizer -> tokenizer.withObject("/model").put("type", "Unigram"));
        changes.add(tokenizer -> tokenizer.withObject("/model").put("dropout", 0.1));
        changes.add(tokenizer -> tokenizer.withArray("added_tokens").addObject().put("content", "New York"));
        changes.add(tokenizer -> tokenizer
                .withArray("added_tokens")
                .addObject()
                .put("content", "end")
                .put("rstrip", true));
        for (Consumer<ObjectNode> change : changes) {
            assertThat(separates(change)).isFalse();
        }
    }

    private static ObjectNode preTokenizer(ObjectNode tokenizer) {
        return (ObjectNode) tokenizer.get("pre_tokenizer").get("pretokenizers").get(1);
    }

    private static boolean separates(Consumer<ObjectNode> change) throws IOException {
        ObjectNode tokenizer = (ObjectNode) Goldens.json("models/smollm2-135m-instruct/tokenizer.json");
        change.accept(tokenizer);
        return WordBoundary.separatesTokens(tokenizer);
    }

    /** A post-processor that puts a token behind a text puts it behind each text's end, not behind what they share. */
    @Test
    void aTokenBehindEveryTextStaysBehindIt() throws IOException {
        ObjectNode definition = (ObjectNode) Goldens.json("models/smollm2-135m-instruct/tokenizer.json");
        definition.set("post_processor", JSON.readTree("""
                {"type": "TemplateProcessing", "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                 "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|im_end|>", "type_id": 0}}],
                 "special_tokens": {"<|im_end|>": {"id": "<|im_end|>", "ids": [2], "tokens": ["<|im_end|>"]}}}"""));
        Files.writeString(directory.resolve("tokenizer.json"), definition.toString());
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            assertThat(tokenizer.encode("one two", true)).endsWith(2);
            assertSame(tokenizer, List.of("one two three", "one two four"));
        }
    }
}
