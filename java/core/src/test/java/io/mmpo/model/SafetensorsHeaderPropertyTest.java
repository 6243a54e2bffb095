package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Any valid file is read as it was written; any damaged file is read or refused, and nothing else happens. */
class SafetensorsHeaderPropertyTest {
    record Spec(String name, String dtype, List<Integer> shape) {
        long bytes() {
            long elements = shape.stream().mapToLong(Integer::longValue).reduce(1, (a, b) -> a * b);
            return elements * (dtype.equals("F32") ? 4 : 2);
        }

        Tensor weights(Arena arena, Random random) {
            MemorySegment data = arena.allocate(Math.max(1, bytes())).asSlice(0, bytes());
            for (long i = 0; i < bytes(); i++) {
                data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
            }
            return new Tensor(name, shape.stream().mapToLong(Integer::longValue).toArray(), dtype, data);
        }
    }

    private static Path directory;

    @BeforeContainer
    static void makeDirectory() throws IOException {
        directory = Files.createTempDirectory("safetensors");
    }

    @AfterContainer
    static void removeDirectory() throws IOException {
        Files.deleteIfExists(directory.resolve("file"));
        Files.delete(directory);
    }

    @Property(tries = 200)
    void aValidFileIsReadAsItWasWritten(
            @ForAll("specs") List<Spec> specs, @ForAll("metadata") Map<String, String> metadata, @ForAll long seed)
            throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Random random = new Random(seed);
            List<Tensor> written =
                    specs.stream().map(spec -> spec.weights(arena, random)).toList();
            Path file = write(written, metadata);
            try (SafetensorsReader reader = SafetensorsReader.open(file)) {
                assertThat(reader.metadata()).isEqualTo(metadata);
                assertThat(reader.tensors()).hasSameSizeAs(written);
                for (Tensor tensor : written) {
                    var read = reader.find(tensor.name()).orElseThrow();
                    assertThat(read.dtype()).isEqualTo(tensor.dtype());
                    assertThat(read.shape()).isEqualTo(tensor.shape());
                    assertThat(read.data().mismatch(tensor.data())).isEqualTo(-1);
                    assertThat(read.data().address() % (tensor.dtype().equals("F32") ? 4 : 2))
                            .isZero();
                }
            }
        }
    }

    @Property(tries = 500)
    void aDamagedFileIsReadOrRefused(@ForAll("specs") List<Spec> specs, @ForAll long seed) throws IOException {
        Random random = new Random(seed);
        byte[] bytes;
        try (Arena arena = Arena.ofConfined()) {
            bytes = Files.readAllBytes(write(
                    specs.stream().map(spec -> spec.weights(arena, random)).toList(), Map.of("format", "pt")));
        }
        Path file = directory.resolve("file");
        Files.write(file, damage(bytes, random));
        assertThatCode(() -> {
                    try (SafetensorsReader reader = SafetensorsReader.open(file)) {
                        for (SafetensorsReader.Entry tensor : reader.tensors()) {
                            tensor.data().toArray(ValueLayout.JAVA_BYTE); // every byte that was promised is there
                        }
                    } catch (MmpoException e) {
                        assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA);
                        assertThat(e).hasMessageContaining(file.toString());
                    }
                })
                .doesNotThrowAnyException();
    }

    /** Mostly in the header, where damage matters: bytes changed, removed, doubled; or the file cut. */
    private static byte[] damage(byte[] bytes, Random random) {
        byte[] damaged = bytes;
        int headerEnd = Math.min(bytes.length, 8 + bytes[0] + 256 * bytes[1]);
        for (int i = 0; i <= random.nextInt(3); i++) {
            int position = random.nextInt(Math.max(1, Math.min(headerEnd, damaged.length)));
            switch (random.nextInt(4)) {
                case 0 -> {
                    damaged = damaged.clone();
                    damaged[position] = (byte) random.nextInt();
                }
                case 1 ->
                    damaged = splice(damaged, position, Math.min(damaged.length, position + 1 + random.nextInt(4)));
                case 2 ->
                    damaged = splice(damaged, Math.min(damaged.length, position + 1 + random.nextInt(9)), position);
                default -> damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length + 1));
            }
            if (damaged.length == 0) {
                break;
            }
        }
        return damaged;
    }

    /** The bytes before the first position and those from the second on: one part is removed, or occurs twice. */
    private static byte[] splice(byte[] bytes, int first, int second) {
        byte[] result = Arrays.copyOf(bytes, first + bytes.length - second);
        System.arraycopy(bytes, second, result, first, bytes.length - second);
        return result;
    }

    private static Path write(List<Tensor> weights, Map<String, String> metadata) throws IOException {
        Path file = directory.resolve("file");
        Files.deleteIfExists(file);
        SafetensorsWriter.writeFile(file, weights, metadata);
        return file;
    }

    @Provide
    Arbitrary<List<Spec>> specs() {
        Arbitrary<String> names =
                Arbitraries.strings().ofMinLength(1).ofMaxLength(20).filter(SafetensorsHeaderPropertyTest::isUnicode);
        Arbitrary<String> dtypes = Arbitraries.of("F32", "BF16", "F16");
        Arbitrary<List<Integer>> shapes =
                Arbitraries.integers().between(0, 7).list().ofMaxSize(4);
        return Combinators.combine(names, dtypes, shapes)
                .as(Spec::new)
                .list()
                .ofMaxSize(8)
                .uniqueElements(Spec::name);
    }

    @Provide
    Arbitrary<Map<String, String>> metadata() {
        Arbitrary<String> text = Arbitraries.strings().ofMaxLength(10).filter(SafetensorsHeaderPropertyTest::isUnicode);
        return Arbitraries.maps(text, text).ofMaxSize(3);
    }

    /** Half of a surrogate pair has no UTF-8. */
    private static boolean isUnicode(String text) {
        return text.chars().noneMatch(c -> Character.isSurrogate((char) c));
    }
}
