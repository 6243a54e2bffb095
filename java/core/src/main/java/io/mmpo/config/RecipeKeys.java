package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * alignment-handbook's ways to name data, which many published recipes have, in the words of today: {@code dataset_splits}, a split to
 * train on and one to evaluate on, and the two shapes of its mixtures.
 */
final class RecipeKeys {
    static final String SPLITS = "dataset_splits";

    private RecipeKeys() {}

    /** The two keys that dataset_splits stands for; none where it is no list of such names. */
    static Map<String, Assignment> splits(Assignment given) {
        Map<String, Assignment> keys = new LinkedHashMap<>();
        for (String split : given.isNull() ? List.<String>of() : ValueTypes.words(given)) {
            String key = split.contains("train") ? "dataset_train_split" : "dataset_test_split";
            boolean isKnown = split.contains("train") || split.contains("test");
            if (!isKnown || keys.put(key, Assignment.scalar(split, given.where())) != null) {
                throw new Unreadable(
                        "must be a split with train in its name and one with test", "'" + Echo.of(split) + "'");
            }
        }
        return keys;
    }

    /** dataset_mixer, a mapping of names to weights, and dataset_mixture, a mapping with a list of datasets, as that list. */
    static JsonNode mixture(JsonNode tree) {
        if (!tree.isObject() || tree.has("path") || tree.has("id")) {
            return tree;
        }
        if (!tree.has("datasets")) {
            ArrayNode datasets = JsonNodeFactory.instance.arrayNode();
            tree.properties()
                    .forEach(entry ->
                            datasets.addObject().put("path", entry.getKey()).set("weight", entry.getValue()));
            return datasets;
        }
        ObjectNode others = ((ObjectNode) tree).deepCopy();
        others.remove("datasets");
        if (!others.isEmpty()) {
            String key = others.fieldNames().next();
            throw new Unreadable("must hold datasets alone", key)
                    .butWrite(
                            key.equals("seed")
                                    ? "data_seed orders the rows"
                                    : "name rows to evaluate on with eval_dataset_name, and remove it");
        }
        return tree.get("datasets");
    }
}
