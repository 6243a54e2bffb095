package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import io.mmpo.nativelib.StoredTensor;
import io.mmpo.nativelib.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An open safetensors file. Nothing in the file is trusted: what its header says is checked against its length before a tensor is
 * handed out. Tensors are read, not mapped: a file that is cut while it is open is then an error, where an address in a mapping of
 * it would end the process with SIGBUS.
 */
public final class SafetensorsReader implements AutoCloseable {
    /** Of a read system call: what a ByteBuffer may view. */
    private static final long MAX_READ_BYTES = 1L << 30;

    private static final int ALIGNMENT = 64;

    private final Path file;
    private final FileChannel channel;
    private final Arena arena = Arena.ofShared();
    private final long dataBegin;
    private final List<Entry> tensors;
    private final Map<String, String> metadata;

    /** A tensor of the file; dtype in the format's words, "BF16" say. */
    public final class Entry implements StoredTensor {
        private final SafetensorsHeader.Entry entry;
        private @Nullable MemorySegment data;

        private Entry(SafetensorsHeader.Entry entry) {
            this.entry = entry;
        }

        @Override
        public String name() {
            return entry.name();
        }

        @Override
        public String dtype() {
            return entry.dtype().name();
        }

        @Override
        public long[] shape() {
            return entry.shape().clone();
        }

        public long numBytes() {
            return entry.end() - entry.begin();
        }

        public Path file() {
            return file;
        }

        @Override
        public void read(long offset, MemorySegment target) {
            readFully(entry.begin() + offset, target, "tensor " + name());
        }

        /** Read into memory of the allocator. An IllegalArgumentException if the type is not one of F32, BF16 and F16 or U8. */
        public Tensor read(SegmentAllocator allocator) {
            MemorySegment memory = allocator.allocate(numBytes(), ALIGNMENT);
            read(0, memory);
            return new Tensor(name(), shape(), dtype(), memory.asReadOnly());
        }

        /** Read at the first call, and read-only; it lives until the reader's {@link #close}. */
        public synchronized MemorySegment data() {
            if (data == null) {
                MemorySegment memory = arena.allocate(numBytes(), ALIGNMENT);
                read(0, memory);
                data = memory.asReadOnly();
            }
            return data;
        }

        /** The same with name, shape and type. */
        public Tensor toTensor() {
            return new Tensor(name(), shape(), dtype(), data());
        }
    }

    private SafetensorsReader(Path file, FileChannel channel) throws IOException {
        this.file = file;
        this.channel = channel;
        long bytes = channel.size();
        if (bytes < Long.BYTES) {
            throw invalid(file, "it has " + bytes + " bytes, it is cut off");
        }
        long headerBytes = ByteBuffer.wrap(readBytes(0, Long.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
        long maxBytes = Math.min(bytes - Long.BYTES, SafetensorsHeader.MAX_BYTES);
        if (headerBytes < 0 || headerBytes > maxBytes) {
            throw invalid(
                    file,
                    String.format(
                            Locale.ROOT,
                            "its header claims %s bytes, at most %d are possible in a file of %d: it is cut off or something else",
                            Long.toUnsignedString(headerBytes),
                            maxBytes,
                            bytes));
        }
        this.dataBegin = Long.BYTES + headerBytes;
        SafetensorsHeader parsed =
                SafetensorsHeader.parse(readBytes(Long.BYTES, Math.toIntExact(headerBytes)), bytes - dataBegin, file);
        this.metadata = parsed.metadata();
        this.tensors = parsed.tensors().stream().map(Entry::new).toList();
    }

    @SuppressWarnings("resource") // the reader closes it
    public static SafetensorsReader open(Path file) {
        FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.READ);
            return new SafetensorsReader(file, channel);
        } catch (IOException e) {
            closeQuietly(channel);
            throw unreadable(file, e);
        } catch (RuntimeException | Error e) {
            closeQuietly(channel);
            throw e;
        }
    }

    public Path file() {
        return file;
    }

    /** In the order of their data. */
    public List<Entry> tensors() {
        return tensors;
    }

    public Optional<Entry> find(String name) {
        return tensors.stream().filter(tensor -> tensor.name().equals(name)).findFirst();
    }

    /** What the writer noted about the file; {@code {"format": "pt"}} as a rule. */
    public Map<String, String> metadata() {
        return metadata;
    }

    private byte[] readBytes(long position, int count) {
        byte[] bytes = new byte[count];
        readFully(ByteBuffer.wrap(bytes), position, "the header");
        return bytes;
    }

    /** position: in the data. what: for messages. */
    private void readFully(long position, MemorySegment target, String what) {
        for (long done = 0; done < target.byteSize(); done += MAX_READ_BYTES) {
            long count = Math.min(MAX_READ_BYTES, target.byteSize() - done);
            readFully(target.asSlice(done, count).asByteBuffer(), dataBegin + position + done, what);
        }
    }

    private void readFully(ByteBuffer target, long position, String what) {
        try {
            long at = position;
            while (target.hasRemaining()) {
                int read = channel.read(target, at);
                if (read < 0) {
                    throw MmpoException.data(
                            "%s was cut while it was read: byte %d of %s is wanted, and the file now ends at byte %d. Fetch or save it"
                                    + " again, and let nothing write to it in a run.",
                            file, at, what, channel.size());
                }
                at += read;
            }
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
            closeQuietly(channel);
        }
    }

    private static void closeQuietly(@Nullable FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // what was read was read
        }
    }

    private static MmpoException unreadable(Path file, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.DATA,
                e,
                "%s cannot be read: %s. Check that it is there and readable.",
                file,
                IoProblem.of(e));
    }

    static MmpoException invalid(Path file, String problem) {
        return MmpoException.data("%s is not a valid safetensors file: %s. Fetch or save it again.", file, problem);
    }
}
