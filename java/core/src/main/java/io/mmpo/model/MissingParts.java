package io.mmpo.model;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a model that people bring needs and the core has not: for the message that refuses it. */
final class MissingParts {
    /** Keys of config.json that say it whatever the architecture is called. */
    private static final Map<String, String> BY_KEY = Map.of(
            "vision_config", "the part that reads images",
            "audio_config", "the part that reads sound",
            "num_experts", "the routing of tokens to experts",
            "num_local_experts", "the routing of tokens to experts",
            "n_routed_experts", "the routing of tokens to experts");

    private static final String GEMMA =
            "norms that multiply by 1 + weight, embeddings scaled by the root of hidden_size, and GELU";
    private static final String RECURRENT = "layers with a recurrent state";
    private static final String LAYER_NORM = "LayerNorm";

    /** By the beginning of model_type, the first that fits. */
    private static final List<Map.Entry<String, String>> BY_TYPE = List.of(
            Map.entry("gemma2", GEMMA + ", norms behind attention and MLP, and logits that are capped"),
            Map.entry("gemma", GEMMA),
            Map.entry("phi3", "projections that are stored as one matrix (qkv_proj, gate_up_proj)"),
            Map.entry("phi", LAYER_NORM),
            Map.entry("granite", "multipliers of embeddings, residuals and logits"),
            Map.entry("olmo2", "norms of whole queries and keys, and norms behind attention and MLP"),
            Map.entry("olmo3", "norms of whole queries and keys, and norms behind attention and MLP"),
            Map.entry("olmo", "LayerNorm without weights"),
            Map.entry("cohere", "LayerNorm, layers whose attention and MLP are parallel, and logits that are scaled"),
            Map.entry("qwen3_next", RECURRENT),
            Map.entry("mamba", RECURRENT),
            Map.entry("falcon_h1", RECURRENT),
            Map.entry("jamba", RECURRENT),
            Map.entry("rwkv", RECURRENT),
            Map.entry("lfm2", "layers of short convolutions"),
            Map.entry("deepseek", "attention over compressed keys and values"),
            Map.entry("gpt", LAYER_NORM),
            Map.entry("opt", LAYER_NORM),
            Map.entry("bloom", LAYER_NORM),
            Map.entry("falcon", LAYER_NORM),
            Map.entry("mpt", LAYER_NORM),
            Map.entry("stablelm", LAYER_NORM),
            Map.entry("starcoder2", LAYER_NORM),
            Map.entry("t5", "an encoder beside the decoder"),
            Map.entry("bart", "an encoder beside the decoder"),
            Map.entry("bert", "a decoder: it does not generate"),
            Map.entry("roberta", "a decoder: it does not generate"));

    private MissingParts() {}

    /** In words, where it is known. */
    static Optional<String> of(JsonObject config, String modelType) {
        Optional<String> byKey = BY_KEY.keySet().stream()
                .sorted()
                .filter(key -> config.value(key).isPresent())
                .map(BY_KEY::get)
                .findFirst();
        return byKey.or(() -> ofType(modelType));
    }

    private static Optional<String> ofType(String modelType) {
        if (modelType.contains("moe") || modelType.equals("mixtral") || modelType.equals("gpt_oss")) {
            return Optional.ofNullable(BY_KEY.get("num_experts"));
        }
        if (modelType.contains("_vl") || modelType.contains("llava") || modelType.equals("mllama")) {
            return Optional.ofNullable(BY_KEY.get("vision_config"));
        }
        return BY_TYPE.stream()
                .filter(entry -> modelType.startsWith(entry.getKey()))
                .map(Map.Entry::getValue)
                .findFirst();
    }
}
