package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.spec.AttentionStyle;
import io.mmpo.spec.ModelShape;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What config.json says of attention: biases, windows, norms of heads, layers without rotation. */
class AttentionStyleTest extends WrittenConfig {
    @Test
    void llamaMayHaveAttentionBias() throws IOException {
        ModelShape shape = read(LLAMA, c -> c.put("attention_bias", true)).shape();
        assertThat(shape.qkvBias()).isTrue();
        assertThat(shape.outputBias()).isTrue();
    }

    @Test
    void qwen2HasBiasOnQueryKeyAndValueOnly() throws IOException {
        ModelConfig config = read(
                LLAMA,
                c -> as(c, "Qwen2ForCausalLM", "qwen2")
                        .put("num_key_value_heads", 2)
                        .put("use_sliding_window", false)
                        .put("sliding_window", 32768)
                        .put("max_window_layers", 28));
        assertThat(config.shape().qkvBias()).isTrue();
        assertThat(config.shape().outputBias()).isFalse();
        assertThat(config.bosTokenId()).isEmpty();
        assertThat(config.eosTokenIds()).isEmpty();
    }

    @Test
    void mistralSlidesInEveryLayer() throws IOException {
        Consumer<ObjectNode> mistral =
                c -> as(c, "MistralForCausalLM", "mistral").put("num_key_value_heads", 2);
        assertThat(style(mistral.andThen(c -> c.putNull("sliding_window")))).isEqualTo(AttentionStyle.LLAMA);
        assertThat(style(mistral)).isEqualTo(sliding(4096, 0, 1, 2)); // the default
        assertThat(style(mistral.andThen(c -> c.put("sliding_window", 24)))).isEqualTo(sliding(24, 0, 1, 2));
        assertThat(read(LLAMA, mistral).rowLimit()).isEmpty();
        assertThatThrownBy(() -> read(LLAMA, mistral.andThen(c -> c.put("sliding_window", 0))))
                .hasMessageContaining("\"sliding_window\" must be null or at least 1");
        assertThatThrownBy(() -> read(LLAMA, mistral.andThen(c -> c.put("num_hidden_layers", 2_000_000_000))))
                .hasMessageContaining("\"num_hidden_layers\" must be in [1, 10000]");
    }

    /** As Qwen2Config and Qwen3Config make their layer_types: only where use_sliding_window says so, and only from max_window_layers on. */
    @ParameterizedTest
    @CsvSource({"Qwen2ForCausalLM,qwen2", "Qwen3ForCausalLM,qwen3"})
    void qwenSlidesInItsUpperLayersWhereItIsToldTo(String architecture, String type) throws IOException {
        Consumer<ObjectNode> qwen = c -> as(c, architecture, type)
                .put("num_key_value_heads", 2)
                .put("use_sliding_window", true)
                .put("sliding_window", 100);
        assertThat(style(qwen).slidingLayers()).isEmpty(); // 3 layers, and the 28th would be the first
        assertThat(style(qwen.andThen(c -> c.put("max_window_layers", 2))).slidingLayers())
                .containsExactly(2);
        AttentionStyle listed = style(qwen.andThen(
                c -> c.set("layer_types", json("[\"full_attention\", \"sliding_attention\", \"full_attention\"]"))));
        assertThat(listed.slidingLayers()).containsExactly(1);
        assertThat(listed.window()).isEqualTo(100);
        assertThat(style(qwen.andThen(c -> c.put("use_sliding_window", false).put("max_window_layers", 0)))
                        .slidingLayers())
                .isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "true  | ['full_attention', 'sliding_attention'] | must be a list of 3 words, one a layer",
                "true  | ['full_attention', 'chunked_attention', 'full_attention'] | only \"full_attention\" or \"sliding_attention\"",
                "false | ['full_attention', 'sliding_attention', 'full_attention'] | without use_sliding_window and sliding_window",
            })
    void layerTypesThatNobodyCouldMeanAreRefused(boolean used, String types, String message) {
        assertThatThrownBy(() -> read(
                        LLAMA,
                        c -> as(c, "Qwen3ForCausalLM", "qwen3")
                                .put("num_key_value_heads", 2)
                                .put("use_sliding_window", used)
                                .set("layer_types", json(types.replace('\'', '"')))))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining(message);
    }

    @Test
    void qwen3NormsItsHeadsAndHasASizeOfItsOwnForThem() throws IOException {
        Consumer<ObjectNode> qwen = c -> as(c, "Qwen3ForCausalLM", "qwen3").put("num_key_value_heads", 2);
        ModelShape shape = read(LLAMA, qwen).shape();
        assertThat(shape.attention().normsHeads()).isTrue();
        assertThat(shape.headDim()).isEqualTo(128);
        assertThat(shape.qkvBias()).isFalse();
        ModelShape biased = read(
                        LLAMA, qwen.andThen(c -> c.put("attention_bias", true).put("head_dim", 32)))
                .shape();
        assertThat(biased.headDim()).isEqualTo(32);
        assertThat(biased.qkvBias()).isTrue();
        assertThat(biased.outputBias()).isTrue();
    }

    @Test
    void smolLm3HasLayersWithoutRotation() throws IOException {
        Consumer<ObjectNode> smol = c -> as(c, "SmolLM3ForCausalLM", "smollm3").put("num_hidden_layers", 9);
        assertThat(style(smol).unrotatedLayers()).containsExactly(3, 7); // every fourth
        assertThat(style(smol.andThen(c -> c.put("no_rope_layer_interval", 3))).unrotatedLayers())
                .containsExactly(2, 5, 8);
        AttentionStyle listed =
                style(smol.andThen(c -> c.set("no_rope_layers", json("[0, 1, 1, 1, 1, 1, 1, 1, 0, 1]"))));
        assertThat(listed.unrotatedLayers()).containsExactly(0, 8);
        AttentionStyle slides =
                style(smol.andThen(c -> c.put("use_sliding_window", true).put("sliding_window", 64)));
        assertThat(slides.slidingLayers()).containsExactly(3, 7);
        assertThat(slides.window()).isEqualTo(64);
        assertThatThrownBy(() -> read(LLAMA, smol.andThen(c -> c.set("no_rope_layers", json("[1, 0]")))))
                .hasMessageContaining("must be a list of 9 ones and zeros, one a layer");
        assertThatThrownBy(() -> read(LLAMA, smol.andThen(c -> c.put("no_rope_layer_interval", 0))))
                .hasMessageContaining("\"no_rope_layer_interval\" must be at least 1");
        ModelShape shape = read("{\"model_type\": \"smollm3\"}").shape();
        assertThat(shape.ropeTheta()).isEqualTo(2e6);
        assertThat(shape.tieEmbeddings()).isTrue();
        assertThat(shape.numLayers()).isEqualTo(36);
        assertThat(shape.headDim()).isEqualTo(128);
    }

    private AttentionStyle style(Consumer<ObjectNode> change) throws IOException {
        return read(LLAMA, change).shape().attention();
    }

    private static AttentionStyle sliding(long window, Integer... layers) {
        return new AttentionStyle(false, window, List.of(layers), List.of());
    }
}
