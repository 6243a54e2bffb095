package io.mmpo.data.rows;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Optional;

/** Rows that a program hands over, each once. */
final class MemoryRows extends RowFile {
    private static final int ABOUT_BYTES = 1 << 12;

    private final Iterator<ObjectNode> rows;

    /** name: stands where a file's does in messages. */
    MemoryRows(String name, Iterator<ObjectNode> rows) {
        super(Path.of(name), ExpansionLimit.none());
        this.rows = rows;
    }

    @Override
    Optional<Row> read() {
        if (!rows.hasNext()) {
            return Optional.empty();
        }
        ObjectNode row = rows.next();
        return Optional.of(new Row(RowPlace.row(file, nextRow++), ABOUT_BYTES, () -> row));
    }

    @Override
    public void close() {
        // the rows are the program's
    }
}
