package io.mmpo.model;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Model classes of transformers that are made of the core's parts, and what they take for a key that is absent. Each always
 * has, or never has, the biases that its config.json cannot name.
 */
enum Architecture {
    LLAMA("LlamaForCausalLM", "llama", Optional.empty(), Optional.of(1), Optional.of(2)),
    MISTRAL("MistralForCausalLM", "mistral", Optional.of(8L), Optional.of(1), Optional.of(2)),
    QWEN2("Qwen2ForCausalLM", "qwen2", Optional.of(32L), Optional.empty(), Optional.empty());

    private final String className;
    private final String modelType;
    private final Optional<Long> defaultNumKvHeads;
    private final Optional<Integer> defaultBos;
    private final Optional<Integer> defaultEos;

    Architecture(
            String className,
            String modelType,
            Optional<Long> defaultNumKvHeads,
            Optional<Integer> defaultBos,
            Optional<Integer> defaultEos) {
        this.className = className;
        this.modelType = modelType;
        this.defaultNumKvHeads = defaultNumKvHeads;
        this.defaultBos = defaultBos;
        this.defaultEos = defaultEos;
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

    /** Where the key is absent; a null means as many as attention heads in all of them. */
    long defaultNumKvHeads(long numHeads) {
        return defaultNumKvHeads.orElse(numHeads);
    }

    Optional<Integer> defaultBos() {
        return defaultBos;
    }

    Optional<Integer> defaultEos() {
        return defaultEos;
    }
}
