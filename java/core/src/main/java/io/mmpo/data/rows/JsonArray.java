package io.mmpo.data.rows;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/** One array of objects. */
final class JsonArray extends RowFile {
    private final InputStream input;
    private final Set<String> columns;
    private final JsonParser parser;

    /** input: begins with the array's bracket. */
    JsonArray(Path file, InputStream input, Set<String> columns) throws IOException {
        super(file);
        this.columns = columns;
        this.input = input;
        this.parser = RowJson.parser(input);
        parser.nextToken();
    }

    @Override
    Optional<Row> read() {
        RowPlace place = RowPlace.line(file, nextRow, parser.currentLocation().getLineNr());
        try {
            if (parser.nextToken() == JsonToken.END_ARRAY) {
                return requireEnd(place);
            }
            place = RowPlace.line(file, nextRow++, parser.currentTokenLocation().getLineNr());
            long start = parser.currentTokenLocation().getByteOffset();
            ObjectNode object = RowJson.readRow(parser, columns, place);
            int bytes = Math.clamp(parser.currentLocation().getByteOffset() - start, 0, Integer.MAX_VALUE);
            return Optional.of(new Row(place, bytes, () -> object));
        } catch (IOException e) {
            throw notText(file, place).orElse(RowJson.unreadable(e, place));
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
        closeInput(input, file);
    }
}
