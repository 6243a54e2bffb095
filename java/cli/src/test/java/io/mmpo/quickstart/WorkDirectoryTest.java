package io.mmpo.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkDirectoryTest {
    @TempDir
    Path directory;

    @Test
    void anEmptyOrMissingDirectoryIsTaken() {
        WorkDirectory.open(directory, message -> {}).close();
        try (WorkDirectory made = WorkDirectory.open(directory.resolve("a/b"), message -> {})) {
            assertThat(made.model()).isDirectory();
            assertThat(made.pairData()).isDirectory();
        }
    }

    @Test
    void aSecondQuickstartAtOnceIsRefused() {
        try (WorkDirectory first = WorkDirectory.open(directory, message -> {})) {
            assertThatThrownBy(() -> WorkDirectory.open(directory, message -> {}))
                    .hasMessageContaining("--output " + directory + " is being written by another mmpo: process "
                            + ProcessHandle.current().pid());
            assertThat(first.pairData()).isDirectory();
        }
    }

    @Test
    void anothersFilesAreRefused() throws IOException {
        Files.writeString(directory.resolve("thesis.txt"), "mine");
        assertThatThrownBy(() -> WorkDirectory.open(directory, message -> {}))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION))
                .hasMessageContaining("is not empty");
        assertThat(directory.toFile().list()).containsExactly("thesis.txt");
        assertThatThrownBy(() -> WorkDirectory.open(directory.resolve("thesis.txt"), message -> {}))
                .hasMessageContaining("is a file");
    }

    @Test
    void anEarlierQuickstartIsReplacedAndNothingElse() throws IOException {
        WorkDirectory first = WorkDirectory.open(directory, message -> {});
        Path trained = Files.createDirectories(first.trained(Stage.MMPO));
        Files.writeString(trained.resolve("config.json"), "{}");
        Files.writeString(first.results(), "{}");
        Path own = Files.createDirectories(directory.resolve("mmpo-lambda-2"));
        first.close();
        WorkDirectory.open(directory, message -> {}).close();
        assertThat(first.run(Stage.MMPO)).doesNotExist();
        assertThat(first.results()).doesNotExist();
        assertThat(own).isDirectory();
    }
}
