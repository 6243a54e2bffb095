package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.spec.AttentionStyle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Which layers see a window of tokens only, and which have no rotary positions, as each architecture's config.json says it. */
final class AttentionKeys {
    private static final String FULL = "full_attention";
    private static final String SLIDING = "sliding_attention";

    /** What the core takes: a list of layers is made here, and the number comes from a file. */
    private static final long MOST_LAYERS = 10_000;

    private final JsonObject config;
    private final Architecture architecture;
    private final int numLayers;

    private AttentionKeys(JsonObject config, Architecture architecture, int numLayers) {
        this.config = config;
        this.architecture = architecture;
        this.numLayers = numLayers;
    }

    static AttentionStyle read(JsonObject config, Architecture architecture, long numLayers) {
        if (architecture == Architecture.LLAMA) {
            return AttentionStyle.LLAMA; // whatever the keys say
        }
        if (numLayers < 1 || numLayers > MOST_LAYERS) {
            throw config.wrongType(
                    "num_hidden_layers",
                    "in [1, 10000]",
                    config.value("num_hidden_layers").orElseThrow());
        }
        AttentionKeys keys = new AttentionKeys(config, architecture, (int) numLayers);
        List<Integer> unrotated = keys.unrotated();
        List<Integer> sliding = keys.sliding(unrotated);
        return new AttentionStyle(
                architecture == Architecture.QWEN3,
                sliding.isEmpty() ? 0 : keys.window().orElseThrow(),
                sliding,
                unrotated);
    }

    /** Whether every layer sees all tokens. */
    static boolean areFull(JsonNode types) {
        return types.isArray()
                && types.valueStream().allMatch(type -> type.asText().equals(FULL));
    }

    /** The window of the layers that slide: null for none. */
    private Optional<Long> window() {
        Optional<JsonNode> given = config.value("sliding_window");
        if (!config.node().has("sliding_window")) {
            return architecture.slidingWindow();
        }
        Optional<Long> size = config.integer("sliding_window");
        if (size.isPresent() && size.get() < 1) {
            throw config.wrongType("sliding_window", "null or at least 1", given.orElseThrow());
        }
        return size;
    }

    /** Mistral slides in every layer that has a window; the others where use_sliding_window says so, in layers of their own. */
    private List<Integer> sliding(List<Integer> unrotated) {
        if (architecture == Architecture.MISTRAL) {
            return window().isPresent() ? layers(layer -> true) : List.of();
        }
        boolean used = config.flag("use_sliding_window").orElse(false);
        Optional<JsonNode> types = config.value("layer_types");
        if (types.isPresent()) {
            return listed(types.get(), used);
        }
        if (!used || window().isEmpty()) {
            return List.of();
        }
        if (architecture == Architecture.SMOLLM3) {
            return unrotated;
        }
        long first = config.integer("max_window_layers").orElse(Architecture.MAX_WINDOW_LAYERS);
        return layers(layer -> layer >= first);
    }

    private List<Integer> listed(JsonNode types, boolean used) {
        if (!types.isArray() || types.size() != numLayers) {
            throw config.wrongType("layer_types", "a list of %s words, one a layer".formatted(numLayers), types);
        }
        for (JsonNode type : types) {
            if (!type.asText().equals(FULL) && !type.asText().equals(SLIDING)) {
                throw config.notImplemented("layer_types", "\"" + FULL + "\" or \"" + SLIDING + "\"", type);
            }
        }
        List<Integer> sliding = layers(layer -> types.get(layer).asText().equals(SLIDING));
        if (!sliding.isEmpty() && (!used || window().isEmpty())) {
            throw config.notImplemented(
                    "layer_types", "\"" + FULL + "\" without use_sliding_window and sliding_window", types);
        }
        return sliding;
    }

    /** no_rope_layers holds a 0 for each; without it every no_rope_layer_interval-th is one. */
    private List<Integer> unrotated() {
        if (architecture != Architecture.SMOLLM3) {
            return List.of();
        }
        Optional<JsonNode> given = config.value("no_rope_layers");
        if (given.isPresent()) {
            JsonNode rotated = given.get();
            boolean isList = rotated.isArray() && rotated.size() >= numLayers;
            if (!isList || !rotated.valueStream().allMatch(JsonNode::isIntegralNumber)) {
                throw config.wrongType(
                        "no_rope_layers", "a list of %s ones and zeros, one a layer".formatted(numLayers), rotated);
            }
            return layers(layer -> rotated.get(layer).asInt() == 0);
        }
        long interval = config.integer("no_rope_layer_interval").orElse(Architecture.NO_ROPE_LAYER_INTERVAL);
        if (interval < 1) {
            throw config.wrongType(
                    "no_rope_layer_interval",
                    "at least 1",
                    config.value("no_rope_layer_interval").orElseThrow());
        }
        return layers(layer -> (layer + 1) % interval == 0);
    }

    private List<Integer> layers(IntPredicate has) {
        return new ArrayList<>(IntStream.range(0, numLayers).filter(has).boxed().toList());
    }
}
