package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.MmpoException;
import io.mmpo.spec.AttentionStyle;
import io.mmpo.spec.LoraModule;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.LoraTarget;
import io.mmpo.spec.ModelShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
        LoraSettings settings = config.settings(SHAPE, 3);
        assertThat(settings.targets()).hasSize(3 * 7);
        assertThat(settings.targets()).allMatch(target -> target.rank() == 4 && target.scaling() == 2);
        assertThat(settings.seed()).isEqualTo(3);
    }

    @Test
    void rankStabilisedScalingDividesByTheRoot() throws IOException {
        write("{'peft_type': 'LORA', 'r': 16, 'lora_alpha': 8, 'use_rslora': true, 'target_modules': ['q_proj']}");
        assertThat(AdapterConfig.read(directory)
                        .settings(SHAPE, 0)
                        .targets()
                        .getFirst()
                        .scaling())
                .isEqualTo(2, within(1e-15));
    }

    @Test
    void readsBackWhatItWrites() throws IOException {
        for (double alpha : new double[] {16, 0.5}) {
            AdapterConfig config = new AdapterConfig(
                    8,
                    alpha,
                    0.05,
                    true,
                    new TargetModules(
                            ModuleChoice.names(List.of("q_proj", "self_attn.v_proj")),
                            ModuleChoice.pattern(".*\\.1\\..*"),
                            Optional.of(List.of(0L, 2L)),
                            List.of("layers")),
                    Map.of("q_proj", 4),
                    Map.of("v_proj", 0.5, "q_proj", 2.0),
                    List.of("lm_head"),
                    true,
                    Optional.of("base"));
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

    /** Which A an adapter began with, and what ranks, is in its files. */
    @ParameterizedTest
    @ValueSource(strings = {"gaussian", "orthogonal", "eva"})
    void howAnAdapterBeganIsAccepted(String start) throws IOException {
        GoldenAdapter.copyTo(directory)
                .change(config -> config.put("init_lora_weights", start)
                        .set("eva_config", config.objectNode().put("rho", 2.0)));
        assertThat(AdapterConfig.read(directory).rank()).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "use_dora|true",
                "bias|\"'all'\"",
                "rank_pattern|{'q_proj': 0}",
                "rank_pattern|{'(q_proj': 8}",
                "alpha_pattern|{'q_proj': -8}",
                "layers_to_transform|['a']",
                "modules_to_save|[3]",
                "fan_in_fan_out|true",
                "lora_bias|true",
                "use_qalora|true",
                "layer_replication|[[0, 4]]",
                "trainable_token_indices|[1]",
                "target_parameters|['x']",
                "init_lora_weights|\"'pissa'\"",
                "peft_type|\"'IA3'\"",
                "task_type|\"'SEQ_CLS'\"",
                "use_something_new|true",
                "target_modules|[1]",
                "target_modules|\"'.*(_proj'\"",
                "exclude_modules|\"'[a'\"",
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
                .hasMessageContaining('"' + key);
    }

    @ParameterizedTest
    @ValueSource(strings = {"r", "lora_alpha", "peft_type"})
    void whatIsMissingIsNamed(String key) throws IOException {
        GoldenAdapter.copyTo(directory).change(config -> config.remove(key));
        assertThatThrownBy(() -> AdapterConfig.read(directory)).hasMessageContaining("has no key \"" + key + '"');
    }

    /** PEFT's own choice where the key is absent. */
    @Test
    void withoutTargetsThereAreTheQueryAndTheValue() throws IOException {
        GoldenAdapter.copyTo(directory).change(config -> config.putNull("target_modules"));
        assertThat(AdapterConfig.read(directory).settings(SHAPE, 0).targets())
                .extracting(LoraTarget::module)
                .containsOnly(LoraModule.Q, LoraModule.V);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "['lm_head']|lm_head",
                "['q_proj', 'embed_tokens']|model.embed_tokens",
                "\"'.*self_attn'\"|model.layers.0.self_attn",
                "['c_attn']|holds no module"
            },
            delimiter = '|')
    void modulesWithoutAnAdapterAreNamed(String targets, String named) throws IOException {
        GoldenAdapter.copyTo(directory).change(config -> config.set("target_modules", json(targets)));
        assertThatThrownBy(() -> AdapterConfig.settings(directory, SHAPE, 0))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining("target_modules")
                .hasMessageContaining(named);
    }

    private static final ModelShape SHAPE = new ModelShape(
            50, 8, 20, 3, 2, 1, 4, 64, 1e-5, 10_000, Optional.empty(), true, false, false, AttentionStyle.LLAMA);

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
