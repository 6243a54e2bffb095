package io.mmpo.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnpackedFileTest {
    @TempDir
    Path cache;

    /** Something that lies in a jar. */
    private final URL packed = Test.class.getResource("Test.class");

    @Test
    void isUnpackedOnceAndAgainWhereItWasDamaged() throws IOException {
        byte[] content = packed.openStream().readAllBytes();
        Path file = UnpackedFile.of(cache, "library.so", packed);
        assertThat(file).hasBinaryContent(content);
        Object made = Files.getLastModifiedTime(file);
        assertThat(UnpackedFile.of(cache, "library.so", packed)).isEqualTo(file);
        assertThat(Files.getLastModifiedTime(file)).isEqualTo(made);
        byte[] damaged = content.clone();
        damaged[100] ^= 1;
        Files.write(file, damaged);
        assertThat(UnpackedFile.of(cache, "library.so", packed)).hasBinaryContent(content);
    }

    @Test
    void whatAKilledProcessHalfUnpackedGoes() throws IOException {
        Path file = UnpackedFile.of(cache, "library.so", packed);
        Path half = Files.writeString(file.resolveSibling(".library.so.incomplete-1"), "half");
        Files.delete(file);
        UnpackedFile.of(cache, "library.so", packed);
        assertThat(half).doesNotExist();
        assertThat(file).exists();
    }

    @Test
    void severalAtOnceGiveOneFile() throws Exception {
        List<Future<Path>> found = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int i = 0; i < 8; i++) {
                found.add(threads.submit(() -> UnpackedFile.of(cache, "library.so", packed)));
            }
        }
        for (Future<Path> path : found) {
            assertThat(path.get()).isEqualTo(found.getFirst().get());
        }
        assertThat(found.getFirst().get().getParent().toFile().list()).containsExactlyInAnyOrder(".lock", "library.so");
    }
}
