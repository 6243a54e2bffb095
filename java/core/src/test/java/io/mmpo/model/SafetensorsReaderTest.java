package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.files.JsonFile;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsReaderTest {
    @TempDir
    Path directory;

    @Test
    void readsWhatPythonWrote() throws IOException {
        var golden = SharedFiles.json("golden/tiny_llama/golden.json");
        try (SafetensorsReader reader =
                SafetensorsReader.open(SharedFiles.path("golden/tiny_llama/tied/model.safetensors"))) {
            var shapes = golden.at("/models/tied/param_shapes");
            assertThat(reader.tensors()).hasSize(shapes.size());
            for (SafetensorsReader.Entry tensor : reader.tensors()) {
                assertThat(tensor.dtype()).isEqualTo("F32");
                assertThat(JsonFile.MAPPER.convertValue(shapes.get(tensor.name()), long[].class))
                        .isEqualTo(tensor.shape());
                assertThat(tensor.data().isReadOnly()).isTrue();
            }
            assertThat(reader.metadata()).containsEntry("format", "pt");
        }
    }

    @Test
    void readsAFileMadeByHand() throws IOException {
        Path file = file(
                "{\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[4,12]},"
                        + "\"a\":{\"dtype\":\"BF16\",\"shape\":[2,1],\"data_offsets\":[0,4]},"
                        + "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[4,4]}}  ",
                new byte[] {(byte) 0x80, 0x3f, 0, 0x40, 5, 0, 0, 0, 0, 0, 0, 0});
        try (SafetensorsReader reader = SafetensorsReader.open(file)) {
            assertThat(reader.tensors())
                    .extracting(SafetensorsReader.Entry::name)
                    .containsExactly("a", "empty", "b");
            var a = reader.find("a").orElseThrow();
            assertThat(a.shape()).containsExactly(2, 1);
            assertThat(a.data().toArray(ValueLayout.JAVA_SHORT)).containsExactly((short) 0x3f80, (short) 0x4000);
            assertThat(reader.find("b").orElseThrow().data().get(ValueLayout.JAVA_LONG_UNALIGNED, 0))
                    .isEqualTo(5);
            assertThat(reader.find("c")).isEmpty();
        }
    }

    @Test
    void useAfterCloseIsAnError() throws IOException {
        SafetensorsReader reader = SafetensorsReader.open(
                file("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", new byte[1]));
        var data = reader.tensors().getFirst().data();
        reader.close();
        reader.close();
        assertThatThrownBy(() -> data.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[] | its header must begin with {",
                "{ | its header is not valid JSON",
                "{} x | its header is not valid JSON",
                "{} {} | something follows its header's object",
                "{} | its tensors end at byte 0, its data at 8",
                "{'a':3} | a in its header must be a JSON object",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},'a':{}} | its header is not valid JSON",
                "{'__metadata__':{'format':1},'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | must be a JSON string",
                "{'a':{'dtype':'F32','shape':[2]}} | tensor a must have a dtype, a shape and two data_offsets",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0]}} | tensor a must have a dtype, a shape and two",
                "{'a':{'dtype':'F33','shape':[2],'data_offsets':[0,8]}} | tensor a has the unknown dtype \"F33\"",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8],'x':1}} | tensor a has an unknown field \"x\"",
                "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}} | tensor a has 8 bytes, its shape and dtype need 12",
                "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,12]}} | tensor a claims the bytes 0 to 12, the file has 8",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[8,0]}} | tensor a claims the bytes 8 to 0",
                "{'a':{'dtype':'F32','shape':[-2],'data_offsets':[0,8]}} | tensor a has a number in shape",
                "{'a':{'dtype':'F32','shape':[2.0],'data_offsets':[0,8]}} | must be a JSON whole number",
                "{'a':{'dtype':'F32','shape':[99999999999999999999],'data_offsets':[0,8]}} | tensor a has a number in shape",
                "{'a':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,8]}} | not a possible number of bytes",
                "{'a':{'dtype':'F4','shape':[3],'data_offsets':[0,8]}} | not a possible number of bytes",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'b':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}"
                        + " | tensors overlap or leave a gap",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | tensors overlap or leave a gap",
            })
    void refusesALyingHeader(String header, String message) throws IOException {
        Path file = file(header.replace('\'', '"'), new byte[8]);
        assertThatThrownBy(() -> SafetensorsReader.open(file))
                .isInstanceOf(MmpoException.class)
                .hasMessageStartingWith(file + " is not a valid safetensors file")
                .hasMessageContaining(message);
    }

    @Test
    void refusesALyingLength() throws IOException {
        for (long length : new long[] {-1, Long.MIN_VALUE, 3, 100_000_001, Long.MAX_VALUE}) {
            Path file = directory.resolve("length");
            Files.write(
                    file,
                    ByteBuffer.allocate(10)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(length)
                            .put((byte) '{')
                            .put((byte) '}')
                            .array());
            assertThatThrownBy(() -> SafetensorsReader.open(file))
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining("its header claims " + Long.toUnsignedString(length) + " bytes");
        }
    }

    @Test
    void refusesACutFile() throws IOException {
        byte[] whole = Files.readAllBytes(SharedFiles.path("golden/tiny_llama/tied/model.safetensors"));
        Path file = directory.resolve("cut");
        for (int bytes : new int[] {0, 7, 8, 100, whole.length - 1}) {
            Files.write(file, Arrays.copyOf(whole, bytes));
            assertThatThrownBy(() -> SafetensorsReader.open(file))
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining(file.toString());
        }
    }

    @Test
    void refusesTextThatIsNotUtf8() throws IOException {
        Path file = directory.resolve("latin1");
        byte[] header = "{\"\u00e9\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}"
                .getBytes(StandardCharsets.ISO_8859_1);
        Files.write(file, bytes(header, new byte[1]));
        assertThatThrownBy(() -> SafetensorsReader.open(file)).hasMessageContaining("its header is not UTF-8");
    }

    @Test
    void aMissingFileIsADataError() {
        assertThatThrownBy(() -> SafetensorsReader.open(directory.resolve("missing")))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("cannot be read: " + directory.resolve("missing") + " does not exist");
    }

    private Path file(String header, byte[] data) throws IOException {
        Path file = directory.resolve("test.safetensors");
        return Files.write(file, bytes(header.getBytes(StandardCharsets.UTF_8), data));
    }

    private static byte[] bytes(byte[] header, byte[] data) {
        return ByteBuffer.allocate(Long.BYTES + header.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .put(data)
                .array();
    }
}
