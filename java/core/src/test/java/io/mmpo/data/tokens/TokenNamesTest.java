package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.data.Goldens;
import io.mmpo.data.RowKind;
import io.mmpo.data.TokenizedDataset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The ids of what a report brought are transformers' 5.18; bench/trl/check_tokens.py --layouts compares many more. */
class TokenNamesTest {
    @TempDir
    Path directory;

    private TokenizerDirectory files;

    @BeforeEach
    void copyTokenizer() throws IOException {
        files = TokenizerDirectory.in(directory);
    }

    @Test
    void markersOfAddedTokensDecoderAreOneIdEach() {
        Path model = Goldens.path("reports/04-added-tokens-decoder/model");
        Path rows = Goldens.path("reports/04-added-tokens-decoder/rows.jsonl");
        try (Tokenizer tokenizer = Tokenizer.open(model, Optional.empty());
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(rows, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            assertThat(dataset.get(0).prompt()).containsExactly(1, 512, 320, 417, 383, 513);
            assertThat(dataset.get(0).completions()[0]).containsExactly(514, 338, 262, 423, 290, 266, 426, 2);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "additional_special_tokens; [\"<|user|>\", \"<|bot|>\", \"<think>\"]",
                "extra_special_tokens;      [\"<|user|>\", \"<|bot|>\", \"<think>\"]",
                "extra_special_tokens;      {\"a_token\": \"<|user|>\", \"b_token\": \"<|bot|>\", \"c_token\": \"<think>\"}",
            })
    void markersOfEveryListAreNumberedInTheirOrder(String key, String tokens) throws IOException {
        files.set("tokenizer_config.json", key, tokens);
        assertIds("<|user|>Hi there<|bot|><think>", 512, 320, 417, 383, 513, 514);
    }

    /** Of a hub's cache that was half deleted, or copied without what its links name. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "tokenizer_config.json",
                "special_tokens_map.json",
                "added_tokens.json",
                "chat_template.jinja",
                "config.json"
            })
    void aFileThatIsLostIsNotOneThatTheModelLacks(String name) throws IOException {
        files.write("special_tokens_map.json", "{}");
        Path file = directory.resolve(name);
        Files.deleteIfExists(file);
        Files.createSymbolicLink(file, directory.resolve("blob"));
        assertThatThrownBy(() -> Tokenizer.open(directory, Optional.empty()).close())
                .hasMessageContaining(file + " is a link to a file that does not exist");
    }

    /** Those that no list names are looked for in the normalized text, which begins with a space here. */
    @Test
    void markersOfAddedTokensJsonAreNumberedByTheirIds() throws IOException {
        files.write("added_tokens.json", "{\"<think>\": 514, \"<|user|>\": 512, \"<|bot|>\": 513}");
        assertIds("<|user|>Hi there<|bot|>", 512, 440, 417, 383, 504, 506, 430, 309, 506, 505);
        files.set("tokenizer_config.json", "additional_special_tokens", "[\"<think>\", \"<|bot|>\", \"<|user|>\"]");
        assertIds("<|user|>Hi there<|bot|><think>", 512, 320, 417, 383, 513, 514);
    }

    @Test
    void namedTokensAreNumberedInTransformersOrder() throws IOException {
        files.set("tokenizer_config.json", "pad_token", "\"<pad>\"")
                .set("tokenizer_config.json", "sep_token", "\"<sep>\"");
        assertIds("<pad><sep>", 513, 512);
    }

    @Test
    void theMapOverridesTheConfigurationUnlessThatHasADecoder() throws IOException {
        files.write("special_tokens_map.json", "{\"eos_token\": {\"content\": \"<|end|>\", \"lstrip\": true}}");
        assertEndToken(512);
        files.set(
                "tokenizer_config.json", "added_tokens_decoder", "{\"2\": {\"content\": \"</s>\", \"special\": true}}");
        assertEndToken(2);
    }

    @Test
    void flagsOfTheDecoderReplaceThoseOfTheFile() throws IOException {
        files.set(
                "tokenizer_config.json",
                "added_tokens_decoder",
                "{\"2\": {\"content\": \"</s>\", \"special\": true, \"lstrip\": true, \"rstrip\": true}}");
        assertIds("a  </s>  b", 261, 2, 268);
    }

    @Test
    void addBosTokenHasNoSayBesideATokenizerJson() throws IOException {
        files.set("tokenizer_config.json", "add_bos_token", "false")
                .set("tokenizer_config.json", "add_eos_token", "true");
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            assertThat(tokenizer.encode("a", true)).containsExactly(1, 261);
        }
    }

    @Test
    void splittingSpecialTokensIsRefused() throws IOException {
        files.set("tokenizer_config.json", "split_special_tokens", "true");
        assertThatThrownBy(() -> Tokenizer.open(directory, Optional.empty()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("split_special_tokens");
    }

    private void assertIds(String text, int... ids) {
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            assertThat(tokenizer.encode(text, false)).containsExactly(ids);
        }
    }

    private void assertEndToken(int id) {
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            assertThat(tokenizer.eosTokenId()).hasValue(id);
        }
    }
}
