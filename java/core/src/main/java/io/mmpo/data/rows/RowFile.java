package io.mmpo.data.rows;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import io.mmpo.files.Utf8;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** The rows of a file, one after another. Used by one thread. */
public abstract class RowFile implements AutoCloseable {
    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};
    private static final int BUFFER_BYTES = 1 << 16;

    /**
     * A row that is read but, where that can wait, not parsed, which is left to the threads that tokenize.
     *
     * @param bytes about how much memory it holds
     */
    public record Row(RowPlace place, int bytes, Supplier<ObjectNode> content) {}

    private final ExpansionLimit limit;
    final Path file;
    int nextRow;
    /** Of the file as it lies on the disk, packed where it is. */
    private volatile @Nullable CountedInput input;

    RowFile(Path file) {
        this(file, ExpansionLimit.of(file));
    }

    RowFile(Path file, ExpansionLimit limit) {
        this.file = file;
        this.limit = limit;
    }

    /** columns: those that are wanted where not all need be read. */
    public static RowFile open(Path file, Set<String> columns) {
        requireFile(file);
        DataFormat.requireReadable(file);
        DataFormat format = DataFormat.of(file.getFileName().toString());
        if (format == DataFormat.PARQUET) {
            return new ParquetRows(file, columns);
        }
        try {
            CountedInput bytes = new CountedInput(Files.newInputStream(file));
            BufferedInputStream input = text(file, bytes);
            RowFile rows = switch (format) {
                case CSV -> new CsvRows(file, input, columns);
                // Many a published .json holds lines of objects, and some a .jsonl an array of them.
                default ->
                    beginsWithBracket(input)
                            ? new JsonArray(file, input, columns)
                            : new JsonLines(file, input, columns);
            };
            rows.input = bytes;
            return rows;
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
    }

    public static void requireFile(Path file) {
        if (!Files.isRegularFile(file)) {
            throw MmpoException.data(
                    "%s: a data file is wanted there (%s), but %s.",
                    file, DataFormat.NAMES, Files.exists(file) ? "it is no file" : "there is nothing");
        }
    }

    /** Empty at the end of the file. */
    public final Optional<Row> next() {
        Optional<Row> row = read();
        row.ifPresent(limit::add);
        return row;
    }

    abstract Optional<Row> read();

    /** Of the file as it lies on the disk; 0 where there is none. */
    public long bytes() {
        return file.toFile().length();
    }

    /** How far the file has been read; any thread may ask. */
    public long bytesRead() {
        CountedInput counted = input;
        return counted == null ? 0 : counted.bytes();
    }

    @Override
    public abstract void close();

    static void closeInput(InputStream input, Path file) {
        try {
            input.close();
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
    }

    /**
     * Where the file, unpacked, is no text, which parsers that read ahead do not say; empty where it is.
     *
     * @param place of the row that was read
     */
    static Optional<MmpoException> notText(Path file, RowPlace place) {
        try (InputStream input = unpacked(file, Files.newInputStream(file))) {
            return Utf8.firstMalformed(input)
                    .map(malformed -> MmpoException.data(
                            "%s, line %d: it is not UTF-8 (byte %d of the file%s; it was read up to %s %d). Save the file as UTF-8.",
                            file,
                            malformed.line(),
                            malformed.offset() + 1,
                            isPacked(file) ? ", unpacked" : "",
                            place.unit(),
                            place.number()));
        } catch (IOException e) {
            return Optional.of(IoProblem.unreadable(file, e));
        }
    }

    private static boolean isPacked(Path file) {
        return file.getFileName().toString().endsWith(".gz");
    }

    private static InputStream unpacked(Path file, InputStream bytes) throws IOException {
        try {
            return isPacked(file) ? new GZIPInputStream(bytes, BUFFER_BYTES) : bytes;
        } catch (IOException | RuntimeException e) {
            bytes.close();
            throw e;
        }
    }

    /** Unpacked, and without a byte order mark. */
    private static BufferedInputStream text(Path file, InputStream packed) throws IOException {
        InputStream bytes = unpacked(file, packed);
        try {
            BufferedInputStream input = new BufferedInputStream(bytes, BUFFER_BYTES);
            input.mark(BYTE_ORDER_MARK.length);
            if (!Arrays.equals(input.readNBytes(BYTE_ORDER_MARK.length), BYTE_ORDER_MARK)) {
                input.reset();
            }
            return input;
        } catch (IOException | RuntimeException e) {
            bytes.close();
            throw e;
        }
    }

    /** Looks past blanks, as many as fit into the buffer, and consumes nothing. */
    private static boolean beginsWithBracket(BufferedInputStream input) throws IOException {
        input.mark(BUFFER_BYTES);
        int read = 1;
        int first = input.read();
        while (read < BUFFER_BYTES && (first == ' ' || first == '\t' || first == '\r' || first == '\n')) {
            first = input.read();
            read++;
        }
        input.reset();
        return first == '[';
    }
}
