package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.MmpoException;
import io.mmpo.nativelib.LoraModule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AdapterConfigTest {
    @TempDir
    Path directory;

    @Test
    void readsWhatPeftWrites() throws IOException {
        AdapterConfig config =
                AdapterConfig.read(GoldenAdapter.copyTo(directory).directory());
        assertThat(config.rank()).isEqualTo(4);
        assertThat(config.dropout()).isZero();
        assertThat(config.targets()).isEqualTo(EnumSet.allOf(LoraModule.class));
        assertThat(config.settings(3).scaling()).isEqualTo(2);
        assertThat(config.settings(3).seed()).isEqualTo(3);
    }

    @Test
    void rankStabilisedScalingDividesByTheRoot() throws IOException {
        write("{'peft_type': 'LORA', 'r': 16, 'lora_alpha': 8, 'use_rslora': true, 'target_modules': ['q_proj']}");
        assertThat(AdapterConfig.read(directory).settings(0).scaling()).isEqualTo(2, within(1e-15));
    }

    @Test
    void readsBackWhatItWrites() throws IOException {
        for (double alpha : new double[] {16, 0.5}) {
            AdapterConfig config =
                    new AdapterConfig(8, alpha, 0.05, true, Set.of(LoraModule.V, LoraModule.Q), Optional.of("base"));
            Files.writeString(
                    directory.resolve(AdapterConfig.FILE), config.toJson().toString());
            assertThat(AdapterConfig.read(directory)).isEqualTo(config);
        }
    }

    /** Null, false and empty are how PEFT writes a method that is off, one of the future's too. */
    @Test
    void whatIsOffIsAccepted() throws IOException {
        GoldenAdapter.copyTo(directory)
                .change(config -> config.put("use_something_new", false)
                        .putNull("something_config")
                        .put("task_type", (String) null));
        assertThat(AdapterConfig.read(directory).rank()).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "use_dora|true",
                "bias|\"'all'\"",
                "modules_to_save|['lm_head']",
                "rank_pattern|{'q_proj': 8}",
                "alpha_pattern|{'q_proj': 8}",
                "layers_to_transform|[0, 1]",
                "fan_in_fan_out|true",
                "lora_bias|true",
                "use_qalora|true",
                "layer_replication|[[0, 4]]",
                "exclude_modules|['q_proj']",
                "trainable_token_indices|[1]",
                "target_parameters|['x']",
                "init_lora_weights|\"'pissa'\"",
                "peft_type|\"'IA3'\"",
                "task_type|\"'SEQ_CLS'\"",
                "use_something_new|true",
                "target_modules|['lm_head']",
                "target_modules|['model.layers.0.self_attn.q_proj']",
                "target_modules|\"'.*_proj'\"",
                "r|0",
                "lora_alpha|-1",
                "lora_dropout|1"
            },
            delimiter = '|')
    void whatChangesTheComputationAndIsNotImplementedIsNamed(String key, String value) throws IOException {
        GoldenAdapter.copyTo(directory).change(config -> config.set(key, json(value)));
        assertThatThrownBy(() -> AdapterConfig.read(directory))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining(AdapterConfig.FILE)
                .hasMessageContaining('"' + key + '"');
    }

    @ParameterizedTest
    @ValueSource(strings = {"r", "lora_alpha", "target_modules", "peft_type"})
    void whatIsMissingIsNamed(String key) throws IOException {
        GoldenAdapter.copyTo(directory).change(config -> config.remove(key));
        assertThatThrownBy(() -> AdapterConfig.read(directory)).hasMessageContaining("has no key \"" + key + '"');
    }

    @Test
    void anotherDirectoryIsNoAdapters() {
        assertThatThrownBy(() -> AdapterConfig.read(directory)).hasMessageContaining("holds no adapter_config.json");
    }

    private void write(String json) throws IOException {
        Files.writeString(directory.resolve(AdapterConfig.FILE), json.replace('\'', '"'));
    }

    private static com.fasterxml.jackson.databind.JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text.replace('\'', '"'));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
