package io.mmpo.data.rows;

import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.files.IoProblem;
import io.mmpo.files.UserCache;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import java.util.Objects;
import java.util.Properties;

/**
 * A DuckDB database in memory, which reads and writes Parquet. Its native library is loaded when the first one is opened, so only
 * where there is a Parquet file ({@link DuckDbDriver}). It may use one thread and a limited amount of memory, and fetches no
 * extensions.
 */
public final class DuckDb implements AutoCloseable {
    static final int MEMORY_MIB = 1024;

    private final Connection connection;

    private DuckDb(Connection connection) {
        this.connection = connection;
    }

    public static DuckDb open() {
        Properties settings = new Properties();
        settings.setProperty("memory_limit", MEMORY_MIB + "MiB");
        settings.setProperty("threads", "1");
        settings.setProperty("temp_directory", ""); // what does not fit into memory is refused, not put on the disk
        settings.setProperty("autoinstall_known_extensions", "false");
        settings.setProperty("autoload_known_extensions", "false");
        try {
            return new DuckDb(Objects.requireNonNull(DuckDbDriver.get().connect("jdbc:duckdb:", settings)));
        } catch (NoClassDefFoundError e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "DuckDB, which reads and writes Parquet, is not on the class path. Add org.duckdb:duckdb_jdbc; without it rows are to be JSON"
                            + " or CSV, and reference log-probabilities are not kept from run to run: cache_dir: no.");
        } catch (SQLException | IOException | ReflectiveOperationException | LinkageError e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "DuckDB, which reads and writes Parquet, could not be loaded: %s. Its library is unpacked into %s, or into %s where"
                            + " that cannot be written; make room there, or name other directories with MMPO_CACHE and"
                            + " MMPO_JAVA_OPTS=-Djava.io.tmpdir=DIR.",
                    e instanceof IOException io ? IoProblem.of(io) : e,
                    UserCache.directory(),
                    System.getProperty("java.io.tmpdir"));
        }
    }

    public Statement statement() throws SQLException {
        return connection.createStatement();
    }

    /** A path as read_parquet wants it, which would take it for a pattern. */
    public static String file(Path file) {
        return literal(file.toAbsolutePath().toString().replaceAll("[\\[*?]", "[$0]"));
    }

    public PreparedStatement prepare(String statement) throws SQLException {
        return connection.prepareStatement(statement);
    }

    public static String literal(String text) {
        return "'" + text.replace("'", "''") + "'";
    }

    static String name(String column) {
        return '"' + column.replace("\"", "\"\"") + '"';
    }

    static boolean isOutOfMemory(SQLException e) {
        return String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT).contains("out of memory");
    }

    /** The first line, without the query. */
    public static String problem(SQLException e) {
        return PrintableText.line(String.valueOf(e.getMessage())
                .lines()
                .findFirst()
                .orElse("unreadable")
                .strip());
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (SQLException e) {
            throw new IllegalStateException("DuckDB could not be closed", e);
        }
    }
}
