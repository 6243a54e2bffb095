package io.mmpo.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
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
    void aSymbolicLinkStaysAndItsFileIsReplaced() throws IOException {
        Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
        Path file = Files.writeString(elsewhere.resolve("real.jsonl"), "old");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        Path link = Files.createSymbolicLink(directory.resolve("a"), Path.of("b"));
        Files.createSymbolicLink(directory.resolve("b"), Path.of("elsewhere/real.jsonl"));
        AtomicFile.write(link, "new");
        assertThat(link).isSymbolicLink().hasContent("new");
        assertThat(file).isRegularFile().hasContent("new");
        assertThat(Files.getPosixFilePermissions(file)).hasSize(2);

        Path dangling = Files.createSymbolicLink(directory.resolve("c"), Path.of("elsewhere/made.jsonl"));
        AtomicFile.write(dangling, "made");
        assertThat(elsewhere.resolve("made.jsonl")).hasContent("made");
        assertThat(elsewhere.toFile().list()).containsExactlyInAnyOrder("real.jsonl", "made.jsonl");

        Path circle = Files.createSymbolicLink(directory.resolve("d"), Path.of("d"));
        assertThatThrownBy(() -> AtomicFile.create(circle)).hasMessageContaining("round in a circle");
    }

    @Test
    void aFifoIsWrittenAndStays() throws Exception {
        Path fifo = directory.resolve("fifo");
        assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor())
                .isZero();
        Process reader = new ProcessBuilder("cat", fifo.toString()).start();
        AtomicFile.write(fifo, "through\n");
        assertThat(reader.inputReader().readLine()).isEqualTo("through");
        assertThat(entries()).containsExactly("fifo");
    }

    /** As a shell has it: what was written before stays, what comes after follows. */
    @Test
    void standardOutputGoesOnWhereItStands() throws Exception {
        Path redirected = directory.resolve("redirected");
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        String command = "{ echo before; '%s' -XX:TieredStopAtLevel=1 -cp '%s' '%s' /dev/stdout; echo after; } > '%s'"
                .formatted(java, System.getProperty("java.class.path"), Writer.class.getName(), redirected);
        assertThat(new ProcessBuilder("bash", "-c", command).start().waitFor()).isZero();
        assertThat(redirected).hasContent("before\nwritten\nafter\n");
        assertThat(Path.of("/dev/stdout")).isSymbolicLink();
    }

    static final class Writer {
        public static void main(String[] arguments) {
            AtomicFile.write(Path.of(arguments[0]), "written\n");
        }
    }

    @Test
    void whatAKilledProcessLeftGoesAndWhatALivingOneWritesStays() throws IOException {
        Path target = directory.resolve("out.jsonl");
        Path left = Files.writeString(directory.resolve(".out.jsonl.incomplete-1"), "half");
        Files.setLastModifiedTime(left, FileTime.from(Instant.now().minusSeconds(3600)));
        try (AtomicFile slow = AtomicFile.create(target)) {
            slow.append("slow");
            String name = entries().stream()
                    .filter(entry -> entry.contains(".incomplete-"))
                    .findFirst()
                    .orElseThrow();
            Files.setLastModifiedTime(
                    directory.resolve(name), FileTime.from(Instant.now().minusSeconds(3600)));
            AtomicFile.write(target, "quick");
            assertThat(left).doesNotExist();
            assertThat(target).hasContent("quick");
            slow.commit();
        }
        assertThat(target).hasContent("slow");
        assertThat(entries()).containsExactly("out.jsonl");
    }

    @Test
    void aNameAsLongAsTheyMayBeIsWritten() throws IOException {
        Path target = directory.resolve("ü".repeat(127));
        AtomicFile.write(target, "text");
        assertThat(target).hasContent("text");
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
