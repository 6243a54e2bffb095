package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** A configuration that a test writes and loads. */
abstract class WrittenYaml {
    static final String REQUIRED = "model_name_or_path: m\ndataset_name: d.jsonl\n";

    @TempDir
    Path directory;

    void assertFails(String lines, String message) {
        assertThatThrownBy(() -> load(lines)).isInstanceOf(MmpoException.class).hasMessageContaining(message);
    }

    TrainingConfig load(String lines) {
        try {
            return TrainingConfig.load(write(REQUIRED + lines + "\n"));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    Path write(String text) throws IOException {
        return Files.writeString(directory.resolve("config.yaml"), text);
    }
}
