package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.InPersian;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import io.mmpo.files.NewFile;
import io.mmpo.nativelib.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
    @TempDir
    Path directory;

    @Test
    void writesTheFormatByteForByte() throws IOException {
        Path file = directory.resolve("one.safetensors");
        SafetensorsWriter.writeFile(file, List.of(floats("a", 1.0f, -2.0f)), Map.of("format", "pt"));
        byte[] bytes = Files.readAllBytes(file);
        String header = new String(bytes, 8, bytes[0], StandardCharsets.UTF_8);
        assertThat(bytes[0] % 8).isZero();
        assertThat(header)
                .startsWith("{\"__metadata__\":{\"format\":\"pt\"},\"a\":{")
                .matches(".*\\}\\} {0,7}");
        assertThat(JsonFile.MAPPER.readTree(header))
                .isEqualTo(
                        JsonFile.MAPPER.readTree(
                                "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"));
        assertThat(Arrays.copyOfRange(bytes, 8 + bytes[0], bytes.length))
                .containsExactly(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0);
    }

    @Test
    void oneFileBelowTheLimitAndShardsWithAnIndexAbove() throws IOException {
        List<Tensor> weights =
                List.of(floats("a", 1, 2), floats("b", 3, 4), floats("c", 5, 6, 7, 8, 9), floats("d", 10));
        Path single = Files.createDirectory(directory.resolve("single"));
        SafetensorsWriter.writeModel(single, weights, 100);
        assertThat(names(single)).containsExactly("model.safetensors");

        Path sharded = Files.createDirectory(directory.resolve("sharded"));
        InPersian.get(() -> {
            SafetensorsWriter.writeModel(sharded, weights, 16); // names have the digits 0 to 9 everywhere
            return sharded;
        });
        assertThat(names(sharded))
                .containsExactly(
                        "model-00001-of-00003.safetensors",
                        "model-00002-of-00003.safetensors",
                        "model-00003-of-00003.safetensors",
                        "model.safetensors.index.json");
        assertThat(JsonFile.read(sharded.resolve("model.safetensors.index.json"))
                        .at("/metadata/total_size")
                        .asLong())
                .isEqualTo(40);
        SafetensorsIndex index = SafetensorsIndex.read(sharded.resolve("model.safetensors.index.json"));
        assertThat(index.weightMap())
                .isEqualTo(Map.of(
                        "a", "model-00001-of-00003.safetensors",
                        "b", "model-00001-of-00003.safetensors",
                        "c", "model-00002-of-00003.safetensors",
                        "d", "model-00003-of-00003.safetensors"));
        try (SafetensorsReader reader = SafetensorsReader.open(sharded.resolve("model-00002-of-00003.safetensors"))) {
            assertThat(reader.tensors().getFirst().data().toArray(ValueLayout.JAVA_FLOAT))
                    .containsExactly(5, 6, 7, 8, 9);
        }
    }

    @Test
    void neverOverwrites() throws IOException {
        Path file = Files.writeString(directory.resolve("there"), "precious");
        assertThatThrownBy(() -> SafetensorsWriter.writeFile(file, List.of(floats("a", 1)), Map.of()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining(file + " exists already");
        assertThat(file).hasContent("precious");
    }

    @Test
    void refusesATensorGivenTwiceAndLeavesNothing() throws IOException {
        assertThatThrownBy(() -> SafetensorsWriter.writeFile(
                        directory.resolve("twice"), List.of(floats("a", 1), floats("a", 2)), Map.of()))
                .hasMessage("the tensor a is given twice");
        assertThat(names(directory)).isEmpty();
    }

    @Test
    void aMissingDirectoryIsAnEnvironmentError() {
        Path file = directory.resolve("missing").resolve("file");
        assertThatThrownBy(() -> SafetensorsWriter.writeFile(file, List.of(floats("a", 1)), Map.of()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining(file + " cannot be written");
    }

    @Test
    void aFullDiskIsNotSilent() throws IOException {
        Path full = Path.of("/dev/full");
        Assumptions.assumeTrue(Files.exists(full), "skipped: no /dev/full on this system");
        try (FileChannel channel = FileChannel.open(full, StandardOpenOption.WRITE)) {
            assertThatThrownBy(() -> SafetensorsWriter.write(channel, List.of(floats("a", 1)), Map.of()))
                    .isInstanceOf(IOException.class)
                    .hasMessage("No space left on device");
        }
        Path begun = Files.writeString(directory.resolve("begun"), "half");
        assertThat(NewFile.failed(begun, new IOException("No space left on device")))
                .isInstanceOf(MmpoException.class)
                .hasMessageMatching(
                        ".*begun cannot be written: No space left on device\\. .* MiB are free there\\. Make room.*")
                .extracting(e -> ((MmpoException) e).kind())
                .isEqualTo(MmpoException.Kind.ENVIRONMENT);
        assertThat(begun).doesNotExist();
    }

    private static Tensor floats(String name, float... values) {
        MemorySegment data = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, values);
        return new Tensor(name, new long[] {values.length}, "F32", data);
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> paths = Files.list(directory)) {
            return paths.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }
}
