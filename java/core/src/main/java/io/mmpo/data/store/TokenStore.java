package io.mmpo.data.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.MmpoException;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * Tokenized groups in a file, so that the number of rows does not decide how much memory a run needs: 8 bytes a group are kept.
 * Little endian: {@value #MAGIC}; the groups, each as int32 [row, prompt length, number of completions, their lengths, ids]; the
 * groups' places as int64; the summary as JSON; then int64 place of the places, int32 number of groups, int32 bytes of the
 * summary, int32 CRC-32C of everything before it. Groups may be read while others are written. Not thread-safe. (A FileChannel would be closed by the interrupt of a thread that reads.)
 */
public final class TokenStore implements AutoCloseable {
    private static final String MAGIC = "MMPOTOK1";
    private static final int HEADER_BYTES = 8;
    private static final int TRAILER_BYTES = 8 + 4 + 4 + 4;
    private static final int CRC_BUFFER_BYTES = 1 << 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final RandomAccessFile file;
    private final Path path;
    private long[] places = new long[1024];
    private int size;
    private long end;
    private final CRC32C crc = new CRC32C();

    private TokenStore(RandomAccessFile file, Path path) {
        this.file = file;
        this.path = path;
    }

    /** file: empty, open for reading and writing; closed by {@link #close}. */
    static TokenStore create(RandomAccessFile file, Path path) {
        TokenStore store = new TokenStore(file, path);
        store.write(ByteBuffer.wrap(MAGIC.getBytes(StandardCharsets.US_ASCII)));
        return store;
    }

    /** A complete store with its summary. */
    public record Loaded(TokenStore store, DatasetSummary summary) {}

    /** Empty where the file is no complete and unchanged store. It is closed with the store, or by the caller. */
    static Optional<Loaded> load(RandomAccessFile file, Path path) throws IOException {
        long bytes = file.length();
        if (bytes < HEADER_BYTES + TRAILER_BYTES) {
            return Optional.empty();
        }
        TokenStore store = new TokenStore(file, path);
        ByteBuffer trailer = store.read(bytes - TRAILER_BYTES, TRAILER_BYTES);
        long placesAt = trailer.getLong();
        int size = trailer.getInt();
        int summaryBytes = trailer.getInt();
        boolean fits = placesAt >= HEADER_BYTES
                && size >= 0
                && summaryBytes >= 0
                && placesAt + (long) size * Long.BYTES + summaryBytes + TRAILER_BYTES == bytes;
        if (!fits || trailer.getInt() != store.crcOf(bytes - Integer.BYTES)) {
            return Optional.empty();
        }
        store.places = new long[size];
        store.read(placesAt, Math.multiplyExact(size, Long.BYTES))
                .asLongBuffer()
                .get(store.places);
        store.size = size;
        store.end = placesAt;
        ByteBuffer summary = store.read(placesAt + (long) size * Long.BYTES, summaryBytes);
        return Optional.of(new Loaded(store, JSON.readValue(summary.array(), DatasetSummary.class)));
    }

    public int size() {
        return size;
    }

    public void append(int row, int[] prompt, int[][] completions) {
        int ints = 3 + completions.length + prompt.length;
        for (int[] completion : completions) {
            ints += completion.length;
        }
        ByteBuffer group = littleEndian(Math.multiplyExact(ints, Integer.BYTES));
        group.putInt(row).putInt(prompt.length).putInt(completions.length);
        Arrays.stream(completions).forEach(completion -> group.putInt(completion.length));
        putAll(group, prompt);
        Arrays.stream(completions).forEach(completion -> putAll(group, completion));
        if (size == places.length) {
            places = Arrays.copyOf(places, 2 * size);
        }
        places[size++] = end;
        write(group.flip());
    }

    public TokenizedGroup get(int index) {
        ByteBuffer group = read(places[index], Math.toIntExact(endOf(index) - places[index]));
        int row = group.getInt();
        int[] prompt = new int[group.getInt()];
        int[][] completions = new int[group.getInt()][];
        for (int i = 0; i < completions.length; i++) {
            completions[i] = new int[group.getInt()];
        }
        takeAll(group, prompt);
        Arrays.stream(completions).forEach(completion -> takeAll(group, completion));
        return new TokenizedGroup(row, prompt, completions);
    }

    public int numTokens(int index) {
        int ints = Math.toIntExact((endOf(index) - places[index]) / Integer.BYTES);
        int numCompletions =
                read(places[index] + 2 * Integer.BYTES, Integer.BYTES).getInt();
        return ints - 3 - numCompletions;
    }

    /** Writes the rest and brings everything to the disk. */
    public void finish(DatasetSummary summary) {
        try {
            long placesAt = end;
            ByteBuffer all = littleEndian(Math.multiplyExact(size, Long.BYTES));
            all.asLongBuffer().put(places, 0, size);
            write(all);
            byte[] text = JSON.writeValueAsBytes(summary);
            write(ByteBuffer.wrap(text));
            write(littleEndian(TRAILER_BYTES - Integer.BYTES)
                    .putLong(placesAt)
                    .putInt(size)
                    .putInt(text.length)
                    .flip());
            write(littleEndian(Integer.BYTES).putInt((int) crc.getValue()).flip());
            end = placesAt;
            file.getFD().sync();
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a summary could not be written as JSON", e);
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private long endOf(int index) {
        return index + 1 < size ? places[index + 1] : end;
    }

    private int crcOf(long bytes) throws IOException {
        CRC32C sum = new CRC32C();
        byte[] buffer = new byte[CRC_BUFFER_BYTES];
        file.seek(0);
        for (long left = bytes; left > 0; left -= buffer.length) {
            int some = (int) Math.min(buffer.length, left);
            file.readFully(buffer, 0, some);
            sum.update(buffer, 0, some);
        }
        return (int) sum.getValue();
    }

    private void write(ByteBuffer bytes) {
        try {
            crc.update(bytes.duplicate());
            file.seek(end);
            file.write(bytes.array(), 0, bytes.limit());
            end += bytes.limit();
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private ByteBuffer read(long place, int bytes) {
        ByteBuffer buffer = littleEndian(bytes);
        try {
            file.seek(place);
            file.readFully(buffer.array());
        } catch (IOException e) {
            throw failed(e);
        }
        return buffer;
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void putAll(ByteBuffer buffer, int[] ids) {
        buffer.asIntBuffer().put(ids);
        buffer.position(buffer.position() + ids.length * Integer.BYTES);
    }

    private static void takeAll(ByteBuffer buffer, int[] ids) {
        buffer.asIntBuffer().get(ids);
        buffer.position(buffer.position() + ids.length * Integer.BYTES);
    }

    private MmpoException failed(IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "Tokenized rows cannot be kept in %s: %s. Make room there, or name another directory with cache_dir.",
                path.toAbsolutePath().getParent(),
                IoProblem.of(e));
    }

    /** Idempotent. */
    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw failed(e);
        }
    }
}
