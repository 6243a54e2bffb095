package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;

/** The key layer_types: a word for each layer. */
final class LayerTypes {
    private static final String FULL = "full_attention";
    private static final String SLIDING = "sliding_attention";

    private LayerTypes() {}

    static boolean areFull(JsonNode types) {
        return areOf(types, Set.of(FULL));
    }

    static boolean areFullOrSliding(JsonNode types) {
        return areOf(types, Set.of(FULL, SLIDING));
    }

    private static boolean areOf(JsonNode types, Set<String> allowed) {
        if (!types.isArray()) {
            return false;
        }
        for (JsonNode type : types) {
            if (!allowed.contains(type.asText())) {
                return false;
            }
        }
        return true;
    }
}
