package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunDirectoryTest {
    @TempDir
    Path path;

    @Test
    void keepsTheNewestCheckpoints() throws IOException {
        for (int step : new int[] {9, 10, 100}) {
            Files.createDirectories(path.resolve("checkpoint-" + step + "/inner"));
            Files.writeString(path.resolve("checkpoint-" + step + "/inner/file"), "x");
        }
        Files.createDirectories(path.resolve("checkpoint-x"));
        RunDirectory directory = new RunDirectory(path);
        assertThat(directory.checkpoints())
                .extracting(Path::getFileName)
                .map(Path::toString)
                .containsExactly("checkpoint-9", "checkpoint-10", "checkpoint-100");
        directory.keepNewest(2);
        assertThat(path.toFile().list()).containsExactlyInAnyOrder("checkpoint-10", "checkpoint-100", "checkpoint-x");
        directory.keepNewest(5);
        assertThat(directory.checkpoints()).hasSize(2);
    }

    @Test
    void anotherRunInTheDirectoryIsRefused() throws IOException {
        assertThatCode(() -> RunDirectory.requireUnused(path.resolve("new"))).doesNotThrowAnyException();
        Files.writeString(path.resolve("config.yaml"), "");
        assertThatCode(() -> RunDirectory.requireUnused(path)).doesNotThrowAnyException();
        Files.createDirectories(path.resolve("checkpoint-3"));
        assertThatThrownBy(() -> RunDirectory.requireUnused(path))
                .hasMessageContaining("already holds a run (checkpoint-3)")
                .hasMessageContaining("resume_from_checkpoint: true");
    }

    @Test
    void aFileInThePlaceOfTheDirectoryIsAnEnvironmentError() throws IOException {
        Path file = Files.writeString(path.resolve("file"), "");
        assertThatThrownBy(() -> RunDirectory.create(file.resolve("run")))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT));
    }
}
