package io.mmpo.data.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FingerprintTest {
    @TempDir
    private Path directory;

    private String of(byte[] content) throws IOException {
        return new Fingerprint()
                .add("file", Files.write(directory.resolve("f"), content))
                .hex();
    }

    @Test
    void everyByteOfALargeFileCounts() throws IOException {
        byte[] content = new byte[(8 << 20) + 17]; // two blocks
        String first = of(content);
        assertThat(of(content)).isEqualTo(first).hasSize(64);
        for (int place : new int[] {0, (8 << 20) - 1, 8 << 20, content.length - 1}) {
            content[place] = 1;
            assertThat(of(content)).as("byte %d", place).isNotEqualTo(first);
            content[place] = 0;
        }
        assertThat(of(new byte[content.length - 1])).isNotEqualTo(first);
    }

    @Test
    void textsDoNotRunIntoEachOther() {
        assertThat(new Fingerprint().add("a", "bc").hex())
                .isNotEqualTo(new Fingerprint().add("ab", "c").hex());
        assertThat(new Fingerprint().add("file", directory.resolve("none")).hex())
                .hasSize(64);
    }
}
