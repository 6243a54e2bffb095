package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.data.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private static Tokenizer open(String directory) {
        return Tokenizer.open(Goldens.path(directory), Optional.empty());
    }

    @Test
    void idsAndDecodedTextEqualTransformersOnLlama() {
        try (Tokenizer tokenizer = open("data/tokenizers/llama-3.1")) {
            JsonNode strings =
                    Goldens.json("data/tokenizers/llama-3.1/golden.json").get("strings");
            assertThat(strings).hasSize(20);
            for (JsonNode golden : strings) {
                String text = golden.get("text").textValue();
                int[] ids = Goldens.ints(golden.get("ids"));
                assertThat(tokenizer.encode(text, false)).as(text).isEqualTo(ids);
                assertThat(tokenizer.encode(text, true))
                        .as(text)
                        .isEqualTo(Goldens.ints(golden.get("ids_with_special")));
                assertThat(tokenizer.decode(ids, false))
                        .isEqualTo(golden.get("decoded").textValue());
            }
            assertThat(tokenizer.bosTokenId()).hasValue(128000);
            assertThat(tokenizer.eosTokenId()).hasValue(128009);
            assertThat(tokenizer.padTokenId()).isEmpty();
        }
    }

    @Test
    void idsEqualTransformersOnSmolLm2() {
        try (Tokenizer tokenizer = open("models/smollm2-135m-instruct")) {
            JsonNode encodings =
                    Goldens.json("models/smollm2-135m-instruct/golden.json").get("encode");
            assertThat(encodings).isNotEmpty();
            for (JsonNode golden : encodings) {
                String text = golden.get("text").textValue();
                assertThat(tokenizer.encode(text, true)).as(text).isEqualTo(Goldens.ints(golden.get("ids")));
            }
            assertThat(tokenizer.eosTokenId()).hasValue(2);
            assertThat(tokenizer.padTokenId()).hasValue(2);
        }
    }

    @Test
    void postProcessorDecidesAboutBos() {
        try (Tokenizer tokenizer = open("models/stories260k")) {
            JsonNode greedy = Goldens.json("models/stories260k/golden.json").get("greedy");
            assertThat(tokenizer.encode("Once upon a time", true)).isEqualTo(Goldens.ints(greedy.get("prompt_ids")));
            assertThat(tokenizer.encode("Once upon a time", false)).startsWith(403);
            int[] generated = IntStream.concat(
                            IntStream.of(Goldens.ints(greedy.get("prompt_ids"))),
                            IntStream.of(Goldens.ints(greedy.get("generated_ids"))))
                    .toArray();
            assertThat(tokenizer.decode(generated, true))
                    .isEqualTo(greedy.get("text").textValue());
        }
    }

    @Test
    void longTextIsNeitherTruncatedNorPadded() {
        try (Tokenizer tokenizer = open("models/smollm2-135m-instruct")) {
            assertThat(tokenizer.encode("word ".repeat(20_000), false)).hasSizeGreaterThan(20_000);
            assertThat(tokenizer.encodeBatch(List.of("one", "one two three four"), false))
                    .extracting(ids -> ids.length)
                    .containsExactly(1, 4);
        }
    }

    @Test
    void surrogatesAndNulSurvive() {
        try (Tokenizer tokenizer = open("models/smollm2-135m-instruct")) {
            for (String text : List.of("a\0b", "🦙\0🔥", "\ufeffx", "\ud83d\udc69\u200d\ud83d\udc67")) {
                assertThat(tokenizer.decode(tokenizer.encode(text, false), false))
                        .isEqualTo(text);
            }
            assertThatThrownBy(() -> tokenizer.encode("bad \ud800 half", false))
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining("surrogate")
                    .hasMessageContaining("after 'bad '");
        }
    }

    @Test
    void severalThreadsShareOneTokenizer() {
        try (Tokenizer tokenizer = open("models/smollm2-135m-instruct")) {
            int[] expected = tokenizer.encode("The quick brown fox, 12 times.", false);
            assertThat(IntStream.range(0, 2000)
                            .parallel()
                            .mapToObj(i -> tokenizer.encode("The quick brown fox, 12 times.", false)))
                    .allSatisfy(ids -> assertThat(ids).isEqualTo(expected));
        }
    }

    @Test
    void closesTwice() {
        Tokenizer tokenizer = open("models/stories260k");
        tokenizer.close();
        tokenizer.close();
        assertThatThrownBy(() -> tokenizer.encode("x", false)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void directoryWithoutTokenizerNamesTheFilesWanted(@TempDir Path directory) {
        assertThatThrownBy(() -> Tokenizer.open(directory, Optional.empty()))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining("tokenizer_config.json")
                .hasMessageContaining(directory.toString());
    }

    @Test
    void damagedFilesAreNamed(@TempDir Path directory) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), "{\"model\": {\"type\": \"BPE\", \"vocab\"");
        assertThatThrownBy(() -> Tokenizer.open(directory, Optional.empty()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("tokenizer.json");
        Files.writeString(directory.resolve("tokenizer.json"), "{\"model\": {\"type\": \"Nonsense\"}}");
        assertThatThrownBy(() -> Tokenizer.open(directory, Optional.empty()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("cannot be loaded");
        Files.writeString(directory.resolve("tokenizer_config.json"), "[]");
        assertThatThrownBy(() -> Tokenizer.open(directory, Optional.empty()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("tokenizer_config.json: a JSON object is wanted");
    }

    @Test
    void specialTokensMayBeObjectsAndNeedNoDeclaration(@TempDir Path directory) throws IOException {
        Path source = Goldens.path("models/stories260k");
        ObjectNode definition =
                (ObjectNode) MAPPER.readTree(source.resolve("tokenizer.json").toFile());
        MAPPER.writeValue(directory.resolve("tokenizer.json").toFile(), definition);
        Files.writeString(directory.resolve("tokenizer_config.json"), """
        {"eos_token": {"content": "<|end|>", "lstrip": false}, "pad_token": null, "bos_token": "<s>"}""");
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            assertThat(tokenizer.eosTokenId()).hasValue(512); // the vocabulary has 512 tokens
            assertThat(tokenizer.encode("a<|end|>", false)).endsWith(512);
            assertThat(tokenizer.decode(new int[] {512}, true)).isEmpty();
            assertThat(tokenizer.padTokenId()).isEqualTo(OptionalInt.empty());
        }
        Files.writeString(directory.resolve("special_tokens_map.json"), "{\"eos_token\": \"</s>\"}");
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            assertThat(tokenizer.eosTokenId()).hasValue(2);
        }
    }

    @Test
    void truncationAndPaddingOfTheFileAreIgnored(@TempDir Path directory) throws IOException {
        ObjectNode definition = (ObjectNode) MAPPER.readTree(
                Goldens.path("models/stories260k/tokenizer.json").toFile());
        definition
                .putObject("truncation")
                .put("max_length", 2)
                .put("strategy", "LongestFirst")
                .put("stride", 0)
                .put("direction", "Right");
        definition
                .putObject("padding")
                .put("direction", "Right")
                .put("pad_id", 0)
                .put("pad_type_id", 0)
                .put("pad_token", "<unk>")
                .putObject("strategy")
                .put("Fixed", 64);
        MAPPER.writeValue(directory.resolve("tokenizer.json").toFile(), definition);
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            assertThat(tokenizer.encode("Once upon a time", true)).containsExactly(1, 403, 407, 261, 378);
        }
    }

    @Test
    void idsOutsideTheVocabularyDecodeToNothing() {
        try (Tokenizer tokenizer = open("models/stories260k")) {
            assertThat(tokenizer.decode(new int[] {1_000_000, -1}, false)).isEmpty();
            assertThat(tokenizer.decode(new int[0], false)).isEmpty();
        }
    }
}
