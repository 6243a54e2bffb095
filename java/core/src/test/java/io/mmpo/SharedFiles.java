package io.mmpo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** Reference values, models and data beside the project, or where MMPO_SHARED says. Tests that want them are skipped without. */
public final class SharedFiles {
    private SharedFiles() {}

    public static Path path(String name) {
        String root = System.getenv("MMPO_SHARED");
        Path path = Path.of(root == null ? "../../../shared" : root, name)
                .toAbsolutePath()
                .normalize();
        Assumptions.assumeTrue(
                Files.exists(path), () -> "skipped: no reference data at " + path + " (set MMPO_SHARED)");
        return path;
    }

    public static JsonNode json(String name) throws IOException {
        return new ObjectMapper().readTree(path(name).toFile());
    }
}
