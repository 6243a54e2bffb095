package io.mmpo.model;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Model classes of transformers that are made of the core's parts, and what their configurations take for a key that is absent.
 * Each always has, or never has, what its config.json cannot name: biases, norms of heads.
 */
enum Architecture {
    LLAMA(
            "LlamaForCausalLM",
            "llama",
            new Defaults(32000, 4096, 11008, 32, 32, Optional.empty(), 2048, Optional.of(1), Optional.of(2))),
    MISTRAL(
            "MistralForCausalLM",
            "mistral",
            new Defaults(32000, 4096, 14336, 32, 32, Optional.of(8L), 131072, Optional.of(1), Optional.of(2))),
    QWEN2(
            "Qwen2ForCausalLM",
            "qwen2",
            new Defaults(151936, 4096, 22016, 32, 32, Optional.of(32L), 32768, Optional.empty(), Optional.empty())),
    QWEN3(
            "Qwen3ForCausalLM",
            "qwen3",
            new Defaults(151936, 4096, 22016, 32, 32, Optional.of(32L), 32768, Optional.empty(), Optional.empty())),
    SMOLLM3(
            "SmolLM3ForCausalLM",
            "smollm3",
            new Defaults(
                    128256, 2048, 11008, 36, 16, Optional.of(4L), 32768, Optional.of(128000), Optional.of(128001)));

    /** The same in all of them. */
    static final double RMS_NORM_EPS = 1e-6;

    static final long MAX_WINDOW_LAYERS = 28;
    static final long NO_ROPE_LAYER_INTERVAL = 4;

    private static final long SLIDING_WINDOW = 4096;
    private static final long QWEN3_HEAD_DIM = 128;

    private final String className;
    private final String modelType;
    private final Defaults defaults;

    /** numKvHeads: empty for as many as attention heads, which a null means in all of them. */
    record Defaults(
            long vocabSize,
            long hiddenSize,
            long intermediateSize,
            long numLayers,
            long numHeads,
            Optional<Long> numKvHeads,
            long maxPositions,
            Optional<Integer> bos,
            Optional<Integer> eos) {}

    Architecture(String className, String modelType, Defaults defaults) {
        this.className = className;
        this.modelType = modelType;
        this.defaults = defaults;
    }

    /** Empty: hidden_size / num_attention_heads. */
    Optional<Long> headDim() {
        return this == QWEN3 ? Optional.of(QWEN3_HEAD_DIM) : Optional.empty();
    }

    double ropeTheta() {
        return this == SMOLLM3 ? 2_000_000 : 10_000;
    }

    boolean tiesEmbeddings() {
        return this == SMOLLM3;
    }

    /** Of the layers that slide. */
    Optional<Long> slidingWindow() {
        return this == LLAMA || this == SMOLLM3 ? Optional.empty() : Optional.of(SLIDING_WINDOW);
    }

    /** Whether layers slide where use_sliding_window says so, those that layer_types names. */
    boolean choosesLayersThatSlide() {
        return this == QWEN2 || this == QWEN3 || this == SMOLLM3;
    }

    /** Whether attention_bias is read: of all four projections. */
    boolean readsAttentionBias() {
        return this == LLAMA || this == QWEN3 || this == SMOLLM3;
    }

    /** Whether the query, key and value projections have a bias in any case. */
    boolean alwaysHasQkvBias() {
        return this == QWEN2;
    }

    boolean readsMlpBias() {
        return this == LLAMA || this == SMOLLM3;
    }

    static Optional<Architecture> ofClassName(String className) {
        return Arrays.stream(values())
                .filter(a -> a.className.equals(className))
                .findFirst();
    }

    static Optional<Architecture> ofModelType(String modelType) {
        return Arrays.stream(values())
                .filter(a -> a.modelType.equals(modelType))
                .findFirst();
    }

    static String classNames() {
        return Arrays.stream(values()).map(Architecture::className).collect(Collectors.joining(", "));
    }

    String className() {
        return className;
    }

    String modelType() {
        return modelType;
    }

    Defaults defaults() {
        return defaults;
    }
}
