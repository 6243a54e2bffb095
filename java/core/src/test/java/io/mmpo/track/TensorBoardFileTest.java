package io.mmpo.track;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.RunMetrics;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bytes of event files. bench/track/check reads them with TensorBoard itself. */
class TensorBoardFileTest {
    @TempDir
    Path directory;

    private void log(int firstStep, boolean resumed, List<RunMetrics> lines) {
        try (TensorBoardFile file = TensorBoardFile.create(new TrackedRun(directory, Map.of(), firstStep, resumed))) {
            lines.forEach(file::log);
        }
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.sorted().toList();
        }
    }

    /** Data of each record, whose lengths and checksums must be right. */
    private static List<byte[]> records(Path file) throws IOException {
        List<byte[]> records = new ArrayList<>();
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            byte[] length = new byte[8];
            bytes.mark();
            int size = Math.toIntExact(bytes.getLong());
            bytes.reset().get(length);
            assertThat(bytes.getInt()).isEqualTo(masked(length));
            byte[] data = new byte[size];
            bytes.get(data);
            assertThat(bytes.getInt()).isEqualTo(masked(data));
            records.add(data);
        }
        return records;
    }

    /** As TensorFlow's core/lib/hash/crc32c.h has it. */
    private static int masked(byte[] bytes) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes);
        long crc = checksum.getValue();
        return (int) (((crc >> 15 | crc << 17) + 0xa282ead8L) & 0xffffffffL);
    }

    @Test
    void aLineIsAnEventOfItsStep() throws IOException {
        log(0, false, List.of(Lines.summary(300, 0.5), Lines.evaluation(301, 2)));
        assertThat(files()).hasSize(1);
        assertThat(files().getFirst().getFileName().toString()).contains("tfevents");
        List<byte[]> records = records(files().getFirst());
        assertThat(records).hasSize(3);
        assertThat(new String(records.getFirst(), StandardCharsets.US_ASCII)).endsWith("\u001a\rbrain.Event:2");
        // step (field 2) 300 as a varint; summary (5) of values (1), the first a tag (1) "train/train_loss" and a
        // simple_value (2) 0.5f.
        byte[] event = records.get(1);
        byte[] wanted = {0x10, (byte) 0xac, 2, 0x2a, 45, 0x0a, 23, 0x0a, 16};
        assertThat(Arrays.copyOfRange(event, 9, 9 + wanted.length)).isEqualTo(wanted);
        ByteBuffer rest = ByteBuffer.wrap(event, 9 + wanted.length, event.length - 9 - wanted.length)
                .order(ByteOrder.LITTLE_ENDIAN);
        byte[] tag = new byte[16];
        rest.get(tag);
        assertThat(new String(tag, StandardCharsets.US_ASCII)).isEqualTo("train/train_loss");
        assertThat(rest.get()).isEqualTo((byte) 0x15);
        assertThat(rest.getFloat()).isEqualTo(0.5f);
        // The second: epoch.
        assertThat(event).hasSize(9 + 5 + 45);
        assertThat(new String(records.get(2), StandardCharsets.US_ASCII)).contains("eval/loss");
    }

    @Test
    void aRunThatGoesOnBeginsANewFileThatDropsWhatIsDoneAgain() throws IOException {
        log(0, false, List.of(Lines.summary(1, 1)));
        log(5, true, List.of());
        assertThat(files()).hasSize(2);
        byte[] start = records(files().getLast()).get(1);
        // step 6; session_log (7) of 2 bytes: status (1) START.
        assertThat(start).endsWith((byte) 0x10, (byte) 6, (byte) 0x3a, (byte) 2, (byte) 8, (byte) 1);
    }
}
