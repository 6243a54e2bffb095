package io.mmpo.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;

/** Reference data beside the project: {@code ../shared}, or where MMPO_SHARED says. Tests that want it are skipped without it. */
final class SharedFiles {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private SharedFiles() {}

  static Path path(String name) {
    String variable = System.getenv("MMPO_SHARED");
    Path root = variable == null ? projectRoot().resolveSibling("shared") : Path.of(variable);
    Path path = root.resolve(name);
    Assumptions.assumeTrue(Files.exists(path), () -> "skipped: no reference data at " + path + " (set MMPO_SHARED)");
    return path;
  }

  private static Path projectRoot() {
    Path directory = Path.of("").toAbsolutePath();
    while (directory != null && !Files.exists(directory.resolve("native/include/mmpo/mmpo.h"))) {
      directory = directory.getParent();
    }
    return directory == null ? Path.of("").toAbsolutePath() : directory;
  }

  static JsonNode json(String name) {
    try {
      return MAPPER.readTree(path(name).toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<JsonNode> jsonLines(String name) {
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

  static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).intValue();
    }
    return values;
  }

  @SuppressWarnings("unchecked")
  static List<Map<String, Object>> messages(JsonNode array) {
    return MAPPER.convertValue(array, List.class);
  }
}
