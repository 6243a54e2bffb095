package io.mmpo.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
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
        directory.keep(2, Optional.empty());
        assertThat(path.toFile().list()).containsExactlyInAnyOrder("checkpoint-10", "checkpoint-100", "checkpoint-x");
        directory.keep(5, Optional.empty());
        assertThat(directory.checkpoints()).hasSize(2);
    }

    /** The newest, to go on from, and the best stay whatever the limit; then the newest of the others. */
    @Test
    void keepsTheBestCheckpointToo() throws IOException {
        for (int step = 1; step <= 5; step++) {
            Files.createDirectories(path.resolve("checkpoint-" + step));
        }
        RunDirectory directory = new RunDirectory(path);
        directory.keep(3, Optional.of(directory.checkpoint(2)));
        assertThat(path.toFile().list()).containsExactlyInAnyOrder("checkpoint-2", "checkpoint-4", "checkpoint-5");
        directory.keep(1, Optional.of(directory.checkpoint(2)));
        assertThat(path.toFile().list()).containsExactlyInAnyOrder("checkpoint-2", "checkpoint-5");
        directory.keepOnly(directory.checkpoint(2));
        assertThat(path.toFile().list()).containsExactly("checkpoint-2");
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
