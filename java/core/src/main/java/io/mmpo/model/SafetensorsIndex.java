package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** model.safetensors.index.json: which file of the directory holds which tensor. */
record SafetensorsIndex(Path file, Map<String, String> weightMap) {
    static final String FILE = "model.safetensors.index.json";

    static SafetensorsIndex read(Path file) {
        JsonObject index = JsonObject.read(file);
        JsonObject map = index.object("weight_map").orElseThrow(() -> index.missing("weight_map"));
        Map<String, String> weightMap = new TreeMap<>();
        for (String tensor : map.keys()) {
            JsonNode name = map.node().get(tensor);
            if (!name.isTextual() || !isPlainFileName(name.asText())) {
                throw MmpoException.data(
                        "%s: tensor %s is said to be in %s; a name of a .safetensors file beside the index is wanted. Fetch the file again.",
                        file, tensor, JsonFile.describe(name));
            }
            Path shard = file.resolveSibling(name.asText());
            if (!Files.isRegularFile(shard)) {
                throw MmpoException.data(
                        "%s names %s for tensor %s, and there is no such file. Fetch the model's missing files.",
                        file, shard, tensor);
            }
            weightMap.put(tensor, name.asText());
        }
        return new SafetensorsIndex(file, weightMap);
    }

    /** No path, so nothing outside the directory is opened; a link there (as the hub's cache has them) is the user's own. */
    private static boolean isPlainFileName(String name) {
        return name.endsWith(".safetensors") && name.chars().allMatch(c -> c > ' ' && c != '/' && c != '\\');
    }
}
