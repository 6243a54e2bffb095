package io.mmpo.data.rows;

import io.mmpo.files.IoProblem;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/** One JSON object a line; blank lines are skipped. */
final class JsonLines extends RowFile {
    private final InputStream input;
    private final Set<String> columns;
    private final byte[] buffer = new byte[1 << 16];
    private int position;
    private int limit;
    private long line;

    JsonLines(Path file, InputStream input, Set<String> columns) {
        super(file);
        this.columns = columns;
        this.input = input;
    }

    @Override
    Optional<Row> read() {
        try {
            Optional<byte[]> bytes = readLine();
            while (bytes.isPresent() && isBlank(bytes.get())) {
                bytes = readLine();
            }
            return bytes.map(this::row);
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
    }

    private Row row(byte[] json) {
        RowPlace place = RowPlace.line(file, nextRow++, line);
        return new Row(place, json.length, () -> RowJson.parse(json, columns, place));
    }

    /** Empty at the end of the file. */
    private Optional<byte[]> readLine() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 12);
        line++;
        while (fill()) {
            int end = position;
            while (end < limit && buffer[end] != '\n') {
                end++;
            }
            requireFits((long) bytes.size() + end - position);
            bytes.write(buffer, position, end - position);
            position = Math.min(limit, end + 1);
            if (end < limit) {
                return Optional.of(bytes.toByteArray());
            }
        }
        return bytes.size() == 0 ? Optional.empty() : Optional.of(bytes.toByteArray());
    }

    private void requireFits(long lineBytes) {
        if (lineBytes > RowJson.MAX_ROW_BYTES) {
            throw RowPlace.line(file, nextRow, line)
                    .error(
                            "a row may have %d bytes, this one has more; one object a line is wanted",
                            RowJson.MAX_ROW_BYTES);
        }
    }

    /** False at the end of the file. */
    private boolean fill() throws IOException {
        if (position == limit) {
            position = 0;
            limit = Math.max(0, input.read(buffer));
        }
        return limit > 0;
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
        closeInput(input, file);
    }
}
