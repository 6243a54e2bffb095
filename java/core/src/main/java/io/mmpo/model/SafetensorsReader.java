package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import io.mmpo.nativelib.Weights;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A safetensors file mapped into memory. Nothing in the file is trusted: what its header says is checked against its length
 * before a tensor is handed out. The tensors live until {@link #close}; the file must not be cut while it is open.
 */
public final class SafetensorsReader implements AutoCloseable {
    /** Data is read-only; dtype in the format's words, "BF16" say. */
    public record Tensor(String name, String dtype, long[] shape, MemorySegment data) {
        /** An IllegalArgumentException if the type is not one of F32, BF16 and F16. */
        public Weights toWeights() {
            return new Weights(name, shape, dtype, data);
        }
    }

    private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final Arena arena;
    private final List<Tensor> tensors;
    private final Map<String, String> metadata;

    private SafetensorsReader(Path file, Arena arena, MemorySegment bytes) {
        this.file = file;
        this.arena = arena;
        if (bytes.byteSize() < Long.BYTES) {
            throw invalid(file, "it has " + bytes.byteSize() + " bytes, it is cut off");
        }
        long headerBytes = bytes.get(LENGTH, 0);
        long maxBytes = Math.min(bytes.byteSize() - Long.BYTES, SafetensorsHeader.MAX_BYTES);
        if (headerBytes < 0 || headerBytes > maxBytes) {
            throw invalid(
                    file,
                    String.format(
                            "its header claims %s bytes, at most %d are possible in a file of %d: it is cut off or something else",
                            Long.toUnsignedString(headerBytes), maxBytes, bytes.byteSize()));
        }
        MemorySegment header = bytes.asSlice(Long.BYTES, headerBytes);
        MemorySegment data = bytes.asSlice(Long.BYTES + headerBytes);
        SafetensorsHeader parsed =
                SafetensorsHeader.parse(header.toArray(ValueLayout.JAVA_BYTE), data.byteSize(), file);
        this.metadata = parsed.metadata();
        this.tensors = parsed.tensors().stream()
                .map(entry -> new Tensor(
                        entry.name(),
                        entry.dtype().name(),
                        entry.shape(),
                        data.asSlice(entry.begin(), entry.end() - entry.begin())))
                .toList();
    }

    public static SafetensorsReader open(Path file) {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            return new SafetensorsReader(file, arena, bytes);
        } catch (IOException e) {
            arena.close();
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s cannot be read: %s. Check that it is there and readable.",
                    file,
                    IoProblem.of(e));
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    public Path file() {
        return file;
    }

    /** In the order of their data. */
    public List<Tensor> tensors() {
        return tensors;
    }

    public Optional<Tensor> find(String name) {
        return tensors.stream().filter(tensor -> tensor.name().equals(name)).findFirst();
    }

    /** What the writer noted about the file; {@code {"format": "pt"}} as a rule. */
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }

    static MmpoException invalid(Path file, String problem) {
        return MmpoException.data("%s is not a valid safetensors file: %s. Fetch or save it again.", file, problem);
    }
}
