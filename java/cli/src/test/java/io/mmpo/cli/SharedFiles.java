package io.mmpo.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reference values and models beside the project, or where MMPO_SHARED says; tests that want them are skipped without. */
final class SharedFiles {
    private SharedFiles() {}

    static Path path(String name) {
        String root = System.getenv("MMPO_SHARED");
        Path path = Path.of(root == null ? "../../../shared" : root, name)
                .toAbsolutePath()
                .normalize();
        assumeTrue(Files.exists(path), () -> "skipped: no reference data at " + path + " (set MMPO_SHARED)");
        return path;
    }

    static JsonNode json(String name) throws IOException {
        return new ObjectMapper().readTree(path(name).toFile());
    }

    /** The 135M model, which its fetch script puts into the user's cache. */
    static Path smolLm2() {
        String cacheHome = System.getenv("XDG_CACHE_HOME");
        Path cache = cacheHome == null || cacheHome.isBlank()
                ? Path.of(System.getProperty("user.home"), ".cache")
                : Path.of(cacheHome);
        Path model = cache.resolve("mmpo-models/smollm2-135m-instruct");
        assumeTrue(
                Files.exists(model.resolve("model.safetensors")),
                () -> "skipped: no weights in " + model + " (run shared/models/smollm2-135m-instruct/fetch)");
        return model;
    }
}
