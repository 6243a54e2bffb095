package io.mmpo.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OwnerLockTest {
    @TempDir
    Path parent;

    private final List<String> messages = new ArrayList<>();

    @Test
    void aSecondOwnerInThisProcessIsRefusedUntilTheFirstEnds() {
        Path directory = parent.resolve("run");
        try (OwnerLock first = hold(directory)) {
            assertThatThrownBy(() -> hold(directory))
                    .isInstanceOfSatisfying(
                            MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT))
                    .hasMessageContaining("output_dir run is being written by another mmpo: process "
                            + ProcessHandle.current().pid() + " on ")
                    .hasMessageContaining("started ");
        }
        hold(directory).close();
        assertThat(messages).isEmpty();
    }

    /** The refusal above must not have freed it: a process loses its lock where it closes any other descriptor of the file. */
    @Test
    void anotherProcessIsRefusedAndALockDiesWithItsOwner() throws Exception {
        Path directory = Files.createDirectory(parent.resolve("run"));
        Process owner = start(directory);
        assertThat(owner.inputReader().readLine()).isEqualTo("held");
        assertThatThrownBy(() -> hold(directory))
                .hasMessageContaining("process " + owner.pid() + " on ")
                .hasMessageContaining("started ");
        owner.destroyForcibly().waitFor();
        assertThat(directory.resolve(OwnerLock.FILE)).exists(); // and says nothing without its lock
        try (OwnerLock mine = hold(directory)) {
            assertThatThrownBy(() -> hold(directory)).hasMessageContaining("is being written");
            Process second = start(directory);
            assertThat(second.inputReader().readLine())
                    .contains("process " + ProcessHandle.current().pid() + " on ");
            second.waitFor();
        }
    }

    @Test
    void nothingIsLeftOfADirectoryThatWasNotUsed() throws IOException {
        hold(parent.resolve("a/b")).close();
        assertThat(parent).isEmptyDirectory();
        Path used = parent.resolve("used");
        try (OwnerLock lock = hold(used)) {
            Files.writeString(used.resolve("file"), "");
        }
        assertThat(used.toFile().list()).containsExactly("file");
    }

    @Test
    void aFileOrALinkToNothingIsNoDirectory() throws IOException {
        Path file = Files.writeString(parent.resolve("file"), "");
        Path link = Files.createSymbolicLink(parent.resolve("link"), Path.of("nothing"));
        assertThatThrownBy(() -> hold(file)).hasMessageContaining(file + " is no directory. Choose another");
        assertThatThrownBy(() -> hold(link)).hasMessageContaining(link + " is no directory. Choose another");
    }

    @Test
    void aPlaceThatWillAppearIsLockedBesideIt() {
        Path target = parent.resolve("merged");
        try (OwnerLock first = OwnerLock.beside(target, "--output merged", messages::add)) {
            assertThat(target).doesNotExist();
            assertThatThrownBy(() -> OwnerLock.beside(target, "--output merged", messages::add))
                    .hasMessageContaining("--output merged is being written");
        }
        assertThat(parent).isEmptyDirectory();
    }

    private OwnerLock hold(Path directory) {
        return OwnerLock.ofDirectory(directory, "output_dir run", messages::add);
    }

    private static Process start(Path directory) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        directory.toString())
                .redirectErrorStream(true)
                .start();
    }

    static final class Holder {
        public static void main(String[] arguments) throws InterruptedException {
            try (OwnerLock lock = OwnerLock.ofDirectory(Path.of(arguments[0]), "output_dir run", System.out::println)) {
                System.out.println("held");
                Thread.sleep(60_000);
            } catch (MmpoException e) {
                System.out.println(e.getMessage());
            }
        }
    }
}
