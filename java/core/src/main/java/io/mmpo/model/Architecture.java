package io.mmpo.model;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Model classes of transformers that are made of the core's parts, and what their configurations take for a key that is absent.
 * Each always has, or never has, the biases that its config.json cannot name.
 */
enum Architecture {
    LLAMA(
            "LlamaForCausalLM",
            "llama",
            new Defaults(32000, 11008, Optional.empty(), 2048, Optional.of(1), Optional.of(2))),
    MISTRAL(
            "MistralForCausalLM",
            "mistral",
            new Defaults(32000, 14336, Optional.of(8L), 131072, Optional.of(1), Optional.of(2))),
    QWEN2(
            "Qwen2ForCausalLM",
            "qwen2",
            new Defaults(151936, 22016, Optional.of(32L), 32768, Optional.empty(), Optional.empty()));

    /** The same in all of them. */
    static final long HIDDEN_SIZE = 4096;

    static final long NUM_LAYERS = 32;
    static final long NUM_HEADS = 32;
    static final double RMS_NORM_EPS = 1e-6;

    /** Of Mistral, and of Qwen2 where it slides at all. */
    static final long SLIDING_WINDOW = 4096;

    static final long MAX_WINDOW_LAYERS = 28;

    private final String className;
    private final String modelType;
    private final Defaults defaults;

    /** numKvHeads: empty for as many as attention heads, which a null means in all of them. */
    record Defaults(
            long vocabSize,
            long intermediateSize,
            Optional<Long> numKvHeads,
            long maxPositions,
            Optional<Integer> bos,
            Optional<Integer> eos) {}

    Architecture(String className, String modelType, Defaults defaults) {
        this.className = className;
        this.modelType = modelType;
        this.defaults = defaults;
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
