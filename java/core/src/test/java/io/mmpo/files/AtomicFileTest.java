package io.mmpo.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
    @TempDir
    Path directory;

    @Test
    void theFileAppearsWithTheCommit() throws IOException {
        Path target = directory.resolve("out.jsonl");
        try (AtomicFile file = AtomicFile.create(target)) {
            file.append("one\n");
            assertThat(target).doesNotExist();
            file.commit();
        }
        assertThat(target).hasContent("one\n");
        assertThat(entries()).containsExactly("out.jsonl");
    }

    @Test
    void withoutACommitTheOldFileStaysAndNothingIsLeft() throws IOException {
        Path target = Files.writeString(directory.resolve("out.jsonl"), "old");
        try (AtomicFile file = AtomicFile.create(target)) {
            file.append("half");
        }
        assertThat(target).hasContent("old");
        assertThat(entries()).containsExactly("out.jsonl");
    }

    @Test
    void aPlaceThatCannotBeWrittenIsNamed() {
        Path target = directory.resolve("missing/out.jsonl");
        assertThatThrownBy(() -> AtomicFile.create(target))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT))
                .hasMessageContaining(target.toString());
        assertThatThrownBy(() -> AtomicFile.create(directory)).hasMessageContaining("is a directory");
    }

    @Test
    void aFullDeviceIsAnError() {
        Path full = Path.of("/dev/full");
        org.junit.jupiter.api.Assumptions.assumeTrue(Files.exists(full), "skipped: there is no /dev/full here");
        assertThatThrownBy(() -> AtomicFile.write(full, "x")).hasMessageContaining("No space left on device");
    }

    private java.util.List<String> entries() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
