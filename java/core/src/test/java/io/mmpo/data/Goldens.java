package io.mmpo.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.SharedFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reference texts, ids and rows of {@link SharedFiles}, in the types that tests compare. */
public final class Goldens {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Goldens() {}

    public static Path path(String name) {
        return SharedFiles.path(name);
    }

    public static JsonNode json(String name) {
        try {
            return SharedFiles.json(name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static List<JsonNode> jsonLines(String name) {
        List<JsonNode> rows = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(path(name))) {
                rows.add(MAPPER.readTree(line));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return rows;
    }

    public static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }

    @SuppressWarnings("unchecked")
    public static List<Map<String, Object>> messages(JsonNode array) {
        return MAPPER.convertValue(array, List.class);
    }
}
