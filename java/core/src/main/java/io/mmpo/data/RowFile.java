package io.mmpo.data;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** The rows of a file, one after another. Used by one thread. */
abstract class RowFile implements AutoCloseable {
    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};
    private static final int BUFFER_BYTES = 1 << 16;

    /**
     * A row that is read but, where that can wait, not parsed, which is left to the threads that tokenize.
     *
     * @param bytes about how much memory it holds
     */
    record Row(RowPlace place, int bytes, Supplier<ObjectNode> content) {}

    final Path file;
    int nextRow;
    /** Of the file as it lies on the disk, packed where it is. */
    private volatile @Nullable CountedInput input;

    RowFile(Path file) {
        this.file = file;
    }

    /** columns: those that are wanted where not all need be read. */
    static RowFile open(Path file, Set<String> columns) {
        requireFile(file);
        DataFormat format = DataFormat.of(file.getFileName().toString());
        if (format == DataFormat.PARQUET) {
            return new ParquetRows(file, columns);
        }
        try {
            CountedInput bytes = new CountedInput(Files.newInputStream(file));
            PushbackInputStream input = text(file, bytes);
            RowFile rows = switch (format) {
                case CSV -> new CsvRows(file, input);
                case JSON -> beginsWithBracket(input) ? new JsonArray(file, input) : new JsonLines(file, input);
                default -> new JsonLines(file, input);
            };
            rows.input = bytes;
            return rows;
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    static void requireFile(Path file) {
        if (!Files.isRegularFile(file)) {
            throw MmpoException.data(
                    "%s: a data file is wanted there (%s), but %s.",
                    file, DataFormat.NAMES, Files.exists(file) ? "it is no file" : "there is nothing");
        }
    }

    /** Empty at the end of the file. */
    abstract Optional<Row> next();

    /** How far the file has been read; any thread may ask. */
    long bytesRead() {
        CountedInput counted = input;
        return counted == null ? 0 : counted.bytes();
    }

    @Override
    public abstract void close();

    static MmpoException unreadable(Path file, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.DATA,
                e,
                "%s cannot be read: %s. Check the file and its permissions.",
                file,
                IoProblem.of(e));
    }

    static void closeInput(InputStream input, Path file) {
        try {
            input.close();
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /** Unpacked, and without a byte order mark. */
    private static PushbackInputStream text(Path file, InputStream bytes) throws IOException {
        try {
            boolean packed = file.getFileName().toString().endsWith(".gz");
            InputStream unpacked = packed ? new GZIPInputStream(bytes, BUFFER_BYTES) : bytes;
            PushbackInputStream input =
                    new PushbackInputStream(new BufferedInputStream(unpacked, BUFFER_BYTES), BYTE_ORDER_MARK.length);
            byte[] start = input.readNBytes(BYTE_ORDER_MARK.length);
            if (!Arrays.equals(start, BYTE_ORDER_MARK)) {
                input.unread(start);
            }
            return input;
        } catch (IOException | RuntimeException e) {
            bytes.close();
            throw e;
        }
    }

    /** Many a published .json holds lines of objects. */
    private static boolean beginsWithBracket(PushbackInputStream input) throws IOException {
        int first = input.read();
        while (first == ' ' || first == '\t' || first == '\r' || first == '\n') {
            first = input.read();
        }
        if (first >= 0) {
            input.unread(first);
        }
        return first == '[';
    }
}
