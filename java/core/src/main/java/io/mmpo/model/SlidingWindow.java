package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;

/** How many tokens attention sees, itself included, in the layers that see least; empty where all see all. */
final class SlidingWindow {
    private SlidingWindow() {}

    /**
     * Llama has none, whatever the key says. Mistral has one unless the key is null, and 4096 where it is absent. Qwen2 has one where
     * use_sliding_window says so, in the layers that layer_types names, or else in those from max_window_layers on.
     */
    static Optional<Long> of(JsonObject config, Architecture architecture, long numLayers) {
        return switch (architecture) {
            case LLAMA -> Optional.empty();
            case MISTRAL -> size(config);
            case QWEN2 -> qwen2(config, numLayers);
        };
    }

    private static Optional<Long> qwen2(JsonObject config, long numLayers) {
        boolean used = config.flag("use_sliding_window").orElse(false);
        Optional<JsonNode> types = config.value("layer_types");
        if (types.isPresent()) {
            if (LayerTypes.areFull(types.get())) {
                return Optional.empty();
            }
            if (!used || !LayerTypes.areFullOrSliding(types.get())) {
                throw config.notImplemented(
                        "layer_types", "\"full_attention\" without use_sliding_window", types.get());
            }
            return size(config);
        }
        long first = config.integer("max_window_layers").orElse(Architecture.MAX_WINDOW_LAYERS);
        return used && first < numLayers ? size(config) : Optional.empty();
    }

    private static Optional<Long> size(JsonObject config) {
        if (!config.node().has("sliding_window")) {
            return Optional.of(Architecture.SLIDING_WINDOW);
        }
        Optional<Long> size = config.integer("sliding_window");
        if (size.isPresent() && size.get() < 1) {
            throw config.wrongType(
                    "sliding_window",
                    "null or at least 1",
                    config.value("sliding_window").orElseThrow());
        }
        return size;
    }
}
