package io.mmpo.data.store;

import io.mmpo.MmpoException;
import io.mmpo.data.rows.DuckDb;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Reference log-probabilities of pairs in a directory of Parquet files, {@code part-<id>.parquet} with the columns group_index (of the
 * tokenized data, dropped rows left out), row (of the files, from 0), chosen_logps and rejected_logps (nats). Together the parts are
 * the table: an interrupted computation, or several ranks, add parts. A part appears complete or not at all.
 */
public record ReferenceParts(Path directory) {
    /** group: index among the groups of the tokenized data. row: of the files. */
    public record Entry(int group, int row, double chosen, double rejected) {}

    private static final String COLUMNS =
            "(group_index INTEGER, row INTEGER, chosen_logps DOUBLE, rejected_logps DOUBLE)";

    /** Of all parts, in their order; a part that cannot be read is removed. */
    public List<Entry> read() {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        List<Path> parts;
        try (Stream<Path> files = Files.list(directory)) {
            parts = files.filter(ReferenceParts::isPart).sorted().toList();
        } catch (IOException e) {
            throw failed(e);
        }
        List<Entry> entries = new ArrayList<>();
        if (!parts.isEmpty()) {
            try (DuckDb database = DuckDb.open()) {
                parts.forEach(part -> read(part, database, entries));
            }
        }
        return entries;
    }

    private void read(Path part, DuckDb database, List<Entry> entries) {
        List<Entry> found = new ArrayList<>();
        try (Statement statement = database.statement();
                ResultSet rows = statement.executeQuery(
                        "SELECT group_index, row, chosen_logps, rejected_logps FROM read_parquet(" + DuckDb.file(part)
                                + ")")) {
            while (rows.next()) {
                found.add(new Entry(rows.getInt(1), rows.getInt(2), rows.getDouble(3), rows.getDouble(4)));
            }
            entries.addAll(found);
        } catch (SQLException e) {
            remove(part);
        }
    }

    /** Adds a part. */
    public void append(List<Entry> entries) {
        if (entries.isEmpty()) {
            return;
        }
        String id = UUID.randomUUID().toString();
        Path temporary = directory.resolve("." + id + ".incomplete");
        try (DuckDb database = DuckDb.open();
                Statement statement = database.statement()) {
            Files.createDirectories(directory);
            statement.execute("CREATE TABLE part " + COLUMNS);
            try (PreparedStatement insert = database.prepare("INSERT INTO part VALUES (?, ?, ?, ?)")) {
                for (Entry entry : entries) {
                    insert.setInt(1, entry.group());
                    insert.setInt(2, entry.row());
                    insert.setDouble(3, entry.chosen());
                    insert.setDouble(4, entry.rejected());
                    insert.addBatch();
                }
                insert.executeBatch();
            }
            statement.execute("COPY (SELECT * FROM part ORDER BY group_index) TO "
                    + DuckDb.literal(temporary.toAbsolutePath().toString()) + " (FORMAT parquet)");
            Files.move(temporary, directory.resolve("part-" + id + ".parquet"), StandardCopyOption.ATOMIC_MOVE);
        } catch (SQLException | IOException e) {
            throw failed(e);
        }
    }

    /** Removes all parts: they are not what they should be. */
    public void clear() {
        try (Stream<Path> files = Files.list(directory)) {
            files.filter(ReferenceParts::isPart).forEach(this::remove);
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private void remove(Path part) {
        try {
            Files.deleteIfExists(part);
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private static boolean isPart(Path file) {
        return file.getFileName().toString().matches("part-.*\\.parquet");
    }

    private MmpoException failed(Exception e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "Reference log-probabilities cannot be kept in %s: %s. Make room, name another directory with cache_dir, or write cache_dir:"
                        + " no.",
                directory,
                switch (e) {
                    case SQLException sql -> DuckDb.problem(sql);
                    case IOException io -> IoProblem.of(io);
                    default -> e;
                });
    }
}
