package io.mmpo.data.rows;

import io.mmpo.MmpoException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A Parquet file, read by DuckDB some rows at a time: each comes as a JSON object. DuckDB's memory is limited, and where the rows
 * of one reading do not fit into it, fewer are read.
 */
final class ParquetRows extends RowFile {
    private static final int MAX_ROWS_AT_ONCE = 2048;
    private static final int MIN_ROWS_AT_ONCE = 1;

    private final DuckDb database;
    private final Set<String> wanted;
    private final String source;
    private final List<String> columns;
    private final long numRows;
    private final Deque<String> ready = new ArrayDeque<>();
    private volatile long readRows;
    private int rowsAtOnce = MAX_ROWS_AT_ONCE;

    /** wanted: columns to read; all of them where the file has none of these. */
    ParquetRows(Path file, Set<String> wanted) {
        super(file);
        this.wanted = wanted;
        database = DuckDb.open();
        source = DuckDb.file(file);
        try {
            List<String> all = columnNames();
            List<String> some = all.stream().filter(wanted::contains).toList();
            columns = some.isEmpty() ? all : some;
            numRows = countRows();
        } catch (SQLException e) {
            database.close();
            throw refused(file, e);
        }
    }

    /** As if all rows had the same size. */
    @Override
    public long bytesRead() {
        return numRows == 0
                ? 0
                : Math.round((double) readRows / numRows * file.toFile().length());
    }

    @Override
    Optional<Row> read() {
        if (ready.isEmpty() && readRows < numRows) {
            fill();
        }
        if (ready.isEmpty()) {
            return Optional.empty();
        }
        RowPlace place = RowPlace.row(file, nextRow++);
        byte[] json = ready.remove().getBytes(StandardCharsets.UTF_8);
        if (json.length > RowJson.MAX_ROW_BYTES) {
            throw place.error("a row may have %d bytes, this one has %d", RowJson.MAX_ROW_BYTES, json.length);
        }
        return Optional.of(new Row(place, json.length, () -> RowJson.parse(json, wanted, place)));
    }

    private void fill() {
        while (true) {
            try {
                read(Math.min(numRows, readRows + rowsAtOnce));
                rowsAtOnce = Math.min(MAX_ROWS_AT_ONCE, 2 * rowsAtOnce);
                return;
            } catch (SQLException e) {
                ready.clear();
                boolean tooLarge = DuckDb.isOutOfMemory(e);
                if (!tooLarge || rowsAtOnce == MIN_ROWS_AT_ONCE) {
                    throw tooLarge
                            ? RowPlace.row(file, Math.toIntExact(readRows))
                                    .error(
                                            "a row may have %d bytes, and this one does not fit into %d MiB of memory",
                                            RowJson.MAX_ROW_BYTES, DuckDb.MEMORY_MIB)
                            : refused(file, e);
                }
                rowsAtOnce = Math.max(MIN_ROWS_AT_ONCE, rowsAtOnce / 8);
            }
        }
    }

    private void read(long end) throws SQLException {
        String names = String.join(", ", columns.stream().map(DuckDb::name).toList());
        String query = "SELECT to_json(row)::VARCHAR FROM (SELECT " + names + " FROM read_parquet(" + source
                + ", file_row_number = true) WHERE file_row_number >= " + readRows + " AND file_row_number < " + end
                + ") row";
        try (Statement statement = database.statement();
                ResultSet rows = statement.executeQuery(query)) {
            while (rows.next()) {
                ready.add(Objects.requireNonNull(rows.getString(1)));
            }
        }
        readRows = end;
    }

    private List<String> columnNames() throws SQLException {
        List<String> names = new ArrayList<>();
        try (Statement statement = database.statement();
                ResultSet rows = statement.executeQuery("DESCRIBE SELECT * FROM read_parquet(" + source + ")")) {
            while (rows.next()) {
                names.add(Objects.requireNonNull(rows.getString(1)));
            }
        }
        return names;
    }

    private long countRows() throws SQLException {
        try (Statement statement = database.statement();
                ResultSet rows = statement.executeQuery("SELECT count(*) FROM read_parquet(" + source + ")")) {
            rows.next();
            return rows.getLong(1);
        }
    }

    private static MmpoException refused(Path file, SQLException e) {
        return MmpoException.of(
                MmpoException.Kind.DATA,
                e,
                "%s cannot be read as Parquet: %s. Write it again, or fetch it again; it may have been cut short.",
                file,
                DuckDb.problem(e));
    }

    @Override
    public void close() {
        database.close();
    }
}
