package io.mmpo.data;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/** The rows of a file, one after another: JSON lines, or a .json file with an array of objects. Used by one thread. */
abstract class RowFile implements AutoCloseable {
    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

    /**
     * A row that is read but, for JSON lines, not parsed, which is left to the threads that tokenize.
     *
     * @param bytes about how much memory it holds
     */
    record Row(RowPlace place, int bytes, Supplier<ObjectNode> content) {}

    final Path file;
    int nextRow;

    private RowFile(Path file) {
        this.file = file;
    }

    static RowFile open(Path file) {
        if (!Files.isRegularFile(file)) {
            throw MmpoException.data(
                    "%s: a data file is wanted there (.jsonl, or .json with an array), but %s.",
                    file, Files.exists(file) ? "it is no file" : "there is nothing");
        }
        try {
            PushbackInputStream input = new PushbackInputStream(
                    new BufferedInputStream(Files.newInputStream(file), 1 << 16), BYTE_ORDER_MARK.length);
            byte[] start = input.readNBytes(BYTE_ORDER_MARK.length);
            if (!Arrays.equals(start, BYTE_ORDER_MARK)) {
                input.unread(start);
            }
            boolean array =
                    file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".json");
            return array ? new Array(file, input) : new Lines(file, input);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /** Empty at the end of the file. */
    abstract Optional<Row> next();

    @Override
    public abstract void close();

    private static MmpoException unreadable(Path file, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.DATA, e, "%s cannot be read: %s. Check the file and its permissions.", file, e);
    }

    private static final class Lines extends RowFile {
        private final InputStream input;
        private long line;

        Lines(Path file, InputStream input) {
            super(file);
            this.input = input;
        }

        @Override
        Optional<Row> next() {
            try {
                Optional<byte[]> bytes = readLine();
                while (bytes.isPresent() && isBlank(bytes.get())) {
                    bytes = readLine();
                }
                return bytes.map(this::row);
            } catch (IOException e) {
                throw unreadable(file, e);
            }
        }

        private Row row(byte[] json) {
            RowPlace place = new RowPlace(file, nextRow++, line);
            return new Row(place, json.length, () -> RowJson.parse(json, place));
        }

        /** Empty at the end of the file. */
        private Optional<byte[]> readLine() throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 12);
            line++;
            for (int b = input.read(); b != '\n'; b = input.read()) {
                if (b < 0) {
                    return bytes.size() == 0 ? Optional.empty() : Optional.of(bytes.toByteArray());
                }
                if (bytes.size() == RowJson.MAX_ROW_BYTES) {
                    throw new RowPlace(file, nextRow, line)
                            .error(
                                    "a row may have %d bytes, this one has more; is it one object a line?",
                                    RowJson.MAX_ROW_BYTES);
                }
                bytes.write(b);
            }
            return Optional.of(bytes.toByteArray());
        }

        private static boolean isBlank(byte[] bytes) {
            for (byte b : bytes) {
                if (b != ' ' && b != '\t' && b != '\r') {
                    return false;
                }
            }
            return true;
        }

        @Override
        public void close() {
            closeInput(input);
        }
    }

    private static final class Array extends RowFile {
        private final InputStream input;
        private final JsonParser parser;

        Array(Path file, InputStream input) throws IOException {
            super(file);
            this.input = input;
            this.parser = RowJson.MAPPER.createParser(input);
            if (parser.nextToken() != JsonToken.START_ARRAY) {
                throw MmpoException.data(
                        "%s: a .json file is wanted to hold an array of rows; this one does not begin with one. Name a file of one object a "
                                + "line .jsonl.",
                        file);
            }
        }

        @Override
        Optional<Row> next() {
            RowPlace place =
                    new RowPlace(file, nextRow, parser.currentLocation().getLineNr());
            try {
                if (parser.nextToken() == JsonToken.END_ARRAY) {
                    return requireEnd(place);
                }
                place = new RowPlace(
                        file, nextRow++, parser.currentTokenLocation().getLineNr());
                long start = parser.currentTokenLocation().getByteOffset();
                ObjectNode object = RowJson.requireObject(RowJson.MAPPER.readTree(parser), place);
                int bytes = Math.clamp(parser.currentLocation().getByteOffset() - start, 0, Integer.MAX_VALUE);
                return Optional.of(new Row(place, bytes, () -> object));
            } catch (IOException e) {
                throw RowJson.unreadable(e, place);
            }
        }

        private Optional<Row> requireEnd(RowPlace place) throws IOException {
            if (parser.nextToken() != null) {
                throw place.error("there is something after the array of rows");
            }
            return Optional.empty();
        }

        @Override
        public void close() {
            closeInput(input);
        }
    }

    private static void closeInput(InputStream input) {
        try {
            input.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
