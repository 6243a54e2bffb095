package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.spec.AttentionStyle;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.RopeScaling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelConfigTest extends WrittenConfig {
    @ParameterizedTest
    @ValueSource(strings = {"tied", "untied_llama3_rope"})
    void bothSpellingsGiveTheSameModel(String name) throws IOException {
        Path golden = SharedFiles.path("golden/tiny_llama/" + name);
        ModelConfig five = ModelConfig.read(golden);
        Files.copy(golden.resolve("config.v4.json"), directory.resolve("config.json"));
        assertThat(ModelConfig.read(directory)).isEqualTo(five);
        assertThat(five.dtype()).contains("float32");
        assertThat(five.bosTokenId()).contains(1);
        assertThat(five.eosTokenIds()).containsExactly(2);
    }

    @Test
    void tokensOfAnEndThatAreLostAreNotThoseOfConfigJson() throws IOException {
        Path lost = Files.createSymbolicLink(directory.resolve("generation_config.json"), directory.resolve("blob"));
        assertThatThrownBy(() -> read(LLAMA)).hasMessageContaining(lost + " is a link to a file that does not exist");
    }

    @Test
    void readsLlama3RopeScaling() {
        ModelShape shape = ModelConfig.read(SharedFiles.path("golden/tiny_llama/untied_llama3_rope"))
                .shape();
        assertThat(shape)
                .isEqualTo(new ModelShape(
                        320,
                        64,
                        172,
                        3,
                        4,
                        2,
                        16,
                        131072,
                        1e-5,
                        500000,
                        Optional.of(new RopeScaling.Llama3(32, 1, 4, 8192)),
                        false,
                        false,
                        false,
                        AttentionStyle.LLAMA));
    }

    @Test
    void readsPublishedModels() {
        ModelConfig smollm = ModelConfig.read(SharedFiles.path("models/smollm2-135m-instruct"));
        assertThat(smollm.shape())
                .isEqualTo(new ModelShape(
                        49152,
                        576,
                        1536,
                        30,
                        9,
                        3,
                        64,
                        8192,
                        1e-5,
                        100000,
                        Optional.empty(),
                        true,
                        false,
                        false,
                        AttentionStyle.LLAMA));
        assertThat(smollm.dtype()).contains("bfloat16");
        ModelConfig stories = ModelConfig.read(SharedFiles.path("models/stories260k"));
        assertThat(stories.shape().numKvHeads()).isEqualTo(4);
        assertThat(stories.shape().ropeTheta()).isEqualTo(10000);
    }

    @Test
    void fillsInWhatTransformersWould() throws IOException {
        ModelConfig config = read(LLAMA);
        assertThat(config.shape())
                .isEqualTo(new ModelShape(
                        320,
                        64,
                        172,
                        3,
                        4,
                        4,
                        16,
                        2048,
                        1e-5,
                        10000,
                        Optional.empty(),
                        false,
                        false,
                        false,
                        AttentionStyle.LLAMA));
        assertThat(config.dtype()).isEmpty();
        assertThat(config.bosTokenId()).contains(1);
        assertThat(config.eosTokenIds()).containsExactly(2);
    }

    @Test
    void generationConfigDecidesTheStopTokens() throws IOException {
        Files.writeString(
                directory.resolve("generation_config.json"), "{\"eos_token_id\": [7, 9], \"bos_token_id\": null}");
        ModelConfig config = read(LLAMA, c -> c.put("eos_token_id", 7).put("bos_token_id", 5));
        assertThat(config.eosTokenIds()).containsExactly(7, 9);
        assertThat(config.bosTokenId()).contains(5);
    }

    @Test
    void nullTokensAreNone() throws IOException {
        ModelConfig config = read(LLAMA, c -> c.putNull("eos_token_id").putNull("bos_token_id"));
        assertThat(config.eosTokenIds()).isEmpty();
        assertThat(config.bosTokenId()).isEmpty();
    }

    /** LlamaConfig's, MistralConfig's and Qwen2Config's own. */
    @Test
    void anAbsentKeyHasTransformersDefault() throws IOException {
        assertThat(read("{\"model_type\": \"llama\"}").shape())
                .isEqualTo(new ModelShape(
                        32000,
                        4096,
                        11008,
                        32,
                        32,
                        32,
                        128,
                        2048,
                        1e-6,
                        10000,
                        Optional.empty(),
                        false,
                        false,
                        false,
                        AttentionStyle.LLAMA));
        assertThat(read("{\"model_type\": \"mistral\", \"sliding_window\": null}")
                        .shape())
                .isEqualTo(new ModelShape(
                        32000,
                        4096,
                        14336,
                        32,
                        32,
                        8,
                        128,
                        131072,
                        1e-6,
                        10000,
                        Optional.empty(),
                        false,
                        false,
                        false,
                        AttentionStyle.LLAMA));
        assertThat(read("{\"model_type\": \"qwen2\"}").shape())
                .isEqualTo(new ModelShape(
                        151936,
                        4096,
                        22016,
                        32,
                        32,
                        32,
                        128,
                        32768,
                        1e-6,
                        10000,
                        Optional.empty(),
                        false,
                        true,
                        false,
                        AttentionStyle.LLAMA));
    }

    @Test
    void aKeyThatTransformersDoesNotReadIsSaid() throws IOException {
        ModelConfig plain = read(LLAMA);
        ModelConfig noted = read(
                LLAMA,
                c -> c.put("embedding_multiplier", 12)
                        .put("sliding_window", 4096)
                        .put("pretraining_tp", 2)
                        .put("unsloth_version", "2025.1")
                        .put("residual_multiplier", 0)
                        .set("auto_map", json("{\"AutoModelForCausalLM\": \"modeling_x.XForCausalLM\"}")));
        assertThat(noted.shape()).isEqualTo(plain.shape());
        assertThat(plain.notes()).isEmpty();
        assertThat(noted.notes())
                .containsExactly(directory.resolve("config.json")
                        + ": keys that transformers' LlamaForCausalLM does not read have no effect: auto_map,"
                        + " embedding_multiplier, pretraining_tp, sliding_window");
    }

    /** transformers loads by model_type; a class of one's own that is named beside it plays no part. */
    @Test
    void theTypeDecidesTheArchitecture() throws IOException {
        ModelConfig bare = read(LLAMA, c -> c.putArray("architectures").add("LlamaModel"));
        assertThat(bare.architecture()).isEqualTo("LlamaForCausalLM");
        assertThat(bare.notes()).singleElement().asString().contains("\"architectures\" is LlamaModel");
        assertThat(read(LLAMA, c -> c.remove("architectures")).notes()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'type': 'linear', 'factor': 2} | Linear[factor=2.0]",
                "{'rope_type': 'linear', 'type': 'dynamic', 'factor': 2} | Linear[factor=2.0]",
                "{'rope_type': 'yarn', 'factor': 4, 'original_max_position_embeddings': 512}"
                        + " | Yarn[factor=4.0, originalMaxPositions=512.0, attentionFactor=1.138629436111989, betaFast=32.0,"
                        + " betaSlow=1.0, truncate=true]",
                "{'rope_type': 'yarn', 'factor': null, 'original_max_position_embeddings': 1024, 'beta_fast': 0, 'beta_slow': 2,"
                        + " 'truncate': false, 'attention_factor': 0.5}"
                        + " | Yarn[factor=2.0, originalMaxPositions=1024.0, attentionFactor=0.5, betaFast=32.0, betaSlow=2.0,"
                        + " truncate=false]",
                "{'rope_type': 'yarn', 'factor': 1, 'mscale': 2, 'mscale_all_dim': 1}"
                        + " | Yarn[factor=1.0, originalMaxPositions=2048.0, attentionFactor=1.0, betaFast=32.0, betaSlow=1.0,"
                        + " truncate=true]",
                "{'rope_type': 'llama3', 'factor': 8, 'low_freq_factor': 1, 'high_freq_factor': 4}"
                        + " | Llama3[factor=8.0, lowFreqFactor=1.0, highFreqFactor=4.0, originalMaxPositions=2048.0]",
            })
    void readsRopeScalingInBothSpellings(String rope, String expected) throws IOException {
        for (String key : List.of("rope_scaling", "rope_parameters")) {
            ModelConfig config = read(LLAMA, c -> c.set(key, json(rope.replace('\'', '"'))));
            assertThat(config.shape().ropeScaling().orElseThrow()).hasToString(expected);
            assertThat(config.shape().ropeTheta()).isEqualTo(10000);
        }
    }

    @Test
    void dynamicRopeIsPlainUpToItsPositions() throws IOException {
        ModelConfig config =
                read(LLAMA, c -> c.set("rope_scaling", json("{\"rope_type\": \"dynamic\", \"factor\": 4}")));
        assertThat(config.shape().ropeScaling()).isEmpty();
        assertThatThrownBy(() -> config.rowLimit().orElseThrow().require(2049, "Row 7", "Shorten it"))
                .hasMessageContaining("of type \"dynamic\"");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "hidden_act | \"gelu\" | only \"silu\" is implemented",
                "attention_dropout | 0.1 | only 0 is implemented",
                "mlp_bias | true | only false is implemented",
                "quantization_config | {\"quant_method\": \"gptq\", \"bits\": 4} | has quant_method \"gptq\"), and quantized weights are not",
                "rope_scaling | {\"rope_type\": \"llama3\", \"factor\": 8} | no key \"rope_scaling.low_freq_factor\"",
                "rope_parameters | {\"rope_type\": \"default\", \"rope_theta\": \"x\"} | must be a number, found \"x\"",
                "num_local_experts | 8 | only at most 1 is implemented",
                "rope_scaling | {\"type\": \"longrope\", \"factor\": 2} | \"yarn\" or \"llama3\" is implemented",
                "rope_scaling | {\"type\": \"linear\"} | no key \"rope_scaling.factor\"",
                "rope_scaling | {\"type\": \"linear\", \"factor\": 2, \"partial_rotary_factor\": 0.5} | only 1 is implemented",
                "rope_scaling | {\"type\": \"yarn\", \"factor\": -1} | rope factor must be > 0, got -1.0",
                "num_key_value_heads | 3 | must be a multiple of num_key_value_heads (3)",
                "num_attention_heads | 5 | must be a multiple of \"num_attention_heads\" (5)",
                "num_attention_heads | 0 | must be a multiple of \"num_attention_heads\" (0)",
                "head_dim | 15 | head_dim must be even",
                "hidden_size | -64 | hidden_size must be in [1, 2^31)",
                "hidden_size | 64.5 | must be a whole number, found 64.5",
                "rms_norm_eps | 0 | rms_norm_eps must be > 0",
                "tie_word_embeddings | \"yes\" | must be true or false",
                "eos_token_id | \"</s>\" | must be a token id or a list of them",
                "model_type | \"qwen2\" | \"model_type\" is \"qwen2\" where \"llama\" belongs to it",
                "model_type | \"gpt2\" | gpt2, which is not implemented: what is missing is LayerNorm",
                "model_type | \"gemma3_text\" | missing is norms that multiply by 1 + weight",
                "model_type | \"qwen3_moe\" | missing is the routing of tokens to experts",
                "model_type | \"qwen2_5_vl\" | missing is the part that reads images",
                "model_type | \"of_tomorrow\" | of_tomorrow, which is not implemented. Choose a model that is one of Llama",
                "architectures | [\"A\", \"B\"] | must be a list of one class name",
            })
    void namesTheKeyThatItCannotCompute(String key, String value, String message) {
        assertThatThrownBy(() -> read(LLAMA, c -> c.set(key, json(value))))
                .isInstanceOf(MmpoException.class)
                .extracting(e -> ((MmpoException) e).kind())
                .isEqualTo(MmpoException.Kind.DATA);
        assertThatThrownBy(() -> read(LLAMA, c -> c.set(key, json(value))))
                .hasMessageContaining(directory.resolve("config.json").toString())
                .hasMessageContaining(message);
    }

    /** transformers: rope_scaling before rope_parameters, and a theta among the parameters before one beside them. */
    @Test
    void ofTwoSpellingsTransformersChoiceIsTakenAndSaid() throws IOException {
        ModelConfig theta = read(
                LLAMA,
                c -> c.put("rope_theta", 500000)
                        .set("rope_parameters", json("{\"rope_theta\": 10000, \"rope_type\": \"default\"}")));
        assertThat(theta.shape().ropeTheta()).isEqualTo(10000);
        assertThat(theta.notes())
                .singleElement()
                .asString()
                .contains(
                        "rope_theta in two spellings that differ, 10000.0 and 500000.0: rope_parameters.rope_theta is taken");
        ModelConfig scaling = read(LLAMA, c -> {
            c.set("rope_scaling", json("{\"type\": \"linear\", \"factor\": 2}"));
            c.set("rope_parameters", json("{\"rope_theta\": 500000, \"rope_type\": \"default\"}"));
        });
        assertThat(scaling.shape().ropeScaling()).contains(new RopeScaling.Linear(2));
        assertThat(scaling.shape().ropeTheta()).isEqualTo(10000);
        assertThat(scaling.notes()).singleElement().asString().contains("rope_scaling is taken");
        ModelConfig agreeing = read(
                LLAMA,
                c -> c.put("rope_theta", 10000)
                        .putNull("rope_scaling")
                        .set("rope_parameters", json("{\"rope_theta\": 10000.0, \"rope_type\": \"default\"}")));
        assertThat(agreeing.notes()).isEmpty();
    }

    @Test
    void acceptsWhatChangesNothing() throws IOException {
        ModelConfig plain = read(LLAMA);
        ModelConfig noted = read(
                LLAMA,
                c -> c.put("_name_or_path", "x")
                        .put("initializer_range", 0.02)
                        .put("is_llama_config", true)
                        .put("rope_interleaved", false)
                        .put("use_cache", true)
                        .put("temperature", 0.7)
                        .put("attention_dropout", 0.0)
                        .putNull("something_new"));
        assertThat(noted).isEqualTo(plain);
    }

    @Test
    void missingThingsAreNamed() throws IOException {
        assertThatThrownBy(() -> ModelConfig.read(directory.resolve("nowhere")))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("nowhere does not exist")
                .hasMessageContaining("hf download");
        assertThatThrownBy(() -> ModelConfig.read(directory)).hasMessageContaining("holds no config.json");
        assertThatThrownBy(() -> read("{}")).hasMessageContaining("no key \"model_type\"");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "3",
                "{",
                "{\"a\": 1, \"a\": 2}",
                "{} {}",
                "{\"a\": nan}",
                "\u00fe\u00ff{}",
                "{\"x\": 01}"
            })
    void brokenJsonIsADataError(String text) {
        assertThatThrownBy(() -> read(text)).isInstanceOf(MmpoException.class).hasMessageContaining("config.json");
    }

    @Test
    void deepJsonIsADataError() {
        assertThatThrownBy(() -> read("{\"a\":" + "[".repeat(100_000)))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("config.json is not valid JSON");
    }
}
