package io.mmpo.eval.judge;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerdictStoreTest {
    @TempDir
    Path directory;

    /** Bytes that are no UTF-8 become longer ones when they are read; the half line is counted in the file's own. */
    @Test
    void halfALineIsCutOffBehindALineThatIsDamaged() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes("{\"key\":\"a".getBytes(StandardCharsets.UTF_8));
        bytes.write(0xff);
        bytes.writeBytes("\",\"asked\":0.5}\n".getBytes(StandardCharsets.UTF_8));
        int whole = bytes.size();
        bytes.writeBytes("{\"k".getBytes(StandardCharsets.UTF_8));
        Path file = Files.write(directory.resolve("replies.jsonl"), bytes.toByteArray());
        try (VerdictStore store = VerdictStore.open(file, line -> {})) {
            assertThat(Files.size(file)).isEqualTo(whole);
            store.asked("b", 0.25);
        }
        try (VerdictStore store = VerdictStore.open(file, line -> {})) {
            assertThat(store.spent(List.of("b"))).isEqualTo(0.25);
        }
    }
}
