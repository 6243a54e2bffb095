package io.mmpo.data.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.TokenizedGroup;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenStoreTest {
    private static final DatasetSummary SUMMARY = new DatasetSummary(3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 3, 6, 6);

    @TempDir
    private Path directory;

    private Path write() throws IOException {
        Path file = directory.resolve("store");
        try (TokenStore store = TokenStore.create(new RandomAccessFile(file.toFile(), "rw"), file)) {
            store.append(0, new int[] {1}, new int[][] {{2}, {3}});
            assertThat(store.get(0).completions()[1]).as("while it is written").containsExactly(3);
            store.append(2, new int[] {}, new int[][] {{Integer.MAX_VALUE, 5, 6, 7, 8, 9}});
            assertThat(store.numTokens(0)).isEqualTo(3);
            assertThat(store.numTokens(1)).isEqualTo(6);
            store.finish(SUMMARY);
            assertContent(store);
        }
        return file;
    }

    private static void assertContent(TokenStore store) {
        assertThat(store.size()).isEqualTo(2);
        assertThat(store.get(1)).usingRecursiveComparison().isEqualTo(new TokenizedGroup(2, new int[] {}, new int[][] {
            {Integer.MAX_VALUE, 5, 6, 7, 8, 9}
        }));
        assertThat(store.get(0)).usingRecursiveComparison().isEqualTo(new TokenizedGroup(0, new int[] {1}, new int[][] {
            {2}, {3}
        }));
    }

    private static Optional<TokenStore.Loaded> load(Path file) throws IOException {
        return TokenStore.load(new RandomAccessFile(file.toFile(), "r"), file);
    }

    @Test
    void isReadBack() throws IOException {
        TokenStore.Loaded loaded = load(write()).orElseThrow();
        assertThat(loaded.summary()).isEqualTo(SUMMARY);
        try (TokenStore store = loaded.store()) {
            assertContent(store);
        }
    }

    @Test
    void anyChangedByteAndAnyCutIsSeen() throws IOException {
        byte[] good = Files.readAllBytes(write());
        Path file = directory.resolve("bad");
        for (int i = 0; i < good.length; i++) {
            byte[] bad = good.clone();
            bad[i] ^= 0x10;
            assertThat(load(Files.write(file, bad))).as("byte %d", i).isEmpty();
            assertThat(load(Files.write(file, java.util.Arrays.copyOf(good, i))))
                    .as("cut at %d", i)
                    .isEmpty();
        }
    }
}
