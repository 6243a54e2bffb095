package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerClassTest {
    @TempDir
    Path directory;

    private TokenizerDirectory files;

    @BeforeEach
    void copyTokenizer() throws IOException {
        files = TokenizerDirectory.in(directory);
    }

    @ParameterizedTest
    @CsvSource({
        "llama, LlamaTokenizerFast, LLAMA",
        "llama, GPT2Tokenizer, GPT2",
        "llama, PreTrainedTokenizerFast, TOKENIZERS_BACKEND",
        "llama, SomebodysTokenizer, TOKENIZERS_BACKEND",
        "mistral, LlamaTokenizer, TOKENIZERS_BACKEND",
        "qwen2, LlamaTokenizerFast, QWEN2",
        "qwen2, , QWEN2"
    })
    void modelTypeAndClassNameDecide(String modelType, String className, TokenizerClass expected) throws IOException {
        files.write("config.json", "{\"model_type\": \"" + modelType + "\"}");
        String config = className == null ? "{}" : "{\"tokenizer_class\": \"" + className + "\"}";
        assertThat(TokenizerClass.of(directory, TokenizerJson.MAPPER.readTree(config)))
                .isEqualTo(expected);
    }

    /** Its own rule puts a space before the first word alone, where the file's puts one behind every special token, too. */
    @Test
    void llamaTokenizerTakesNoMoreThanTheVocabulary() throws IOException {
        files.set("tokenizer_config.json", "tokenizer_class", "\"LlamaTokenizer\"");
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            assertThat(tokenizer.encode("a</s>a", true)).containsExactly(1, 261, 2, 412);
            assertThat(tokenizer.decode(new int[] {261, 268}, true)).isEqualTo("a b");
        }
        files.set("tokenizer_config.json", "legacy", "true");
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            assertThat(tokenizer.encode("a</s>a", true)).containsExactly(1, 261, 2, 261);
        }
    }

    @Test
    void aClassThatIsNotMadeHereIsRefusedWithTheMend() throws IOException {
        files.set("tokenizer_config.json", "tokenizer_class", "\"T5TokenizerFast\"");
        assertThatThrownBy(() -> Tokenizer.open(directory, Optional.empty()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("T5TokenizerFast")
                .hasMessageContaining("PreTrainedTokenizerFast");
    }
}
