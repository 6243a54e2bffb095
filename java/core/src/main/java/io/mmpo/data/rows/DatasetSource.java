package io.mmpo.data.rows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Where the rows of a data set are: in files, whose rows are one sequence in this order, or in memory.
 *
 * @param name for messages
 * @param files at least one where no rows are in memory, else none
 * @param memory rows that are read once
 * @param columns from the name that a row of docs/data.md has to the name that it has in the files
 */
public record DatasetSource(
        String name, List<Path> files, Optional<Iterator<ObjectNode>> memory, Map<String, String> columns) {
    public DatasetSource {
        files = List.copyOf(files);
        columns = Collections.unmodifiableMap(new LinkedHashMap<>(columns)); // its messages keep the order
        if (files.isEmpty() == memory.isEmpty()) {
            throw new IllegalArgumentException("a data set is in files or in memory: " + name);
        }
    }

    public DatasetSource(String name, List<Path> files, Map<String, String> columns) {
        this(name, files, Optional.empty(), columns);
    }

    public static DatasetSource inMemory(String name, Iterator<ObjectNode> rows) {
        return new DatasetSource(name, List.of(), Optional.of(rows), Map.of());
    }

    public static DatasetSource of(Path file) {
        return new DatasetSource(file.toString(), List.of(file), Map.of());
    }

    /** Readers of the rows, each to be opened when the one before has ended. */
    public List<Supplier<RowFile>> readers(RowShape shape) {
        return memory.<List<Supplier<RowFile>>>map(rows -> List.of(() -> new MemoryRows(name, rows)))
                .orElseGet(() -> files.stream()
                        .<Supplier<RowFile>>map(file -> () -> RowFile.open(file, columnsOf(shape)))
                        .toList());
    }

    /** The columns to read for rows that have these keys. */
    public Set<String> columnsOf(RowShape shape) {
        Set<String> names = new HashSet<>(shape.keys());
        names.addAll(columns.values());
        return names;
    }

    /** The names must be ones that rows of this shape have. */
    public void requireKnown(RowShape shape) {
        for (String key : columns.keySet()) {
            if (!shape.keys().contains(key)) {
                throw MmpoException.configuration(
                        "datasets: columns of %s names '%s', which no row has. Rows are %s.",
                        name, key, shape.accepted());
            }
        }
    }

    /** The row under the names of docs/data.md. */
    public ObjectNode rename(ObjectNode row, RowPlace place) {
        if (columns.isEmpty()) {
            return row;
        }
        Map<String, JsonNode> values = new HashMap<>();
        columns.forEach((key, column) -> {
            JsonNode value = row.get(column);
            if (value == null) {
                throw place.error(
                        "columns maps %s to '%s', which this row does not have; it has %s",
                        key, column, PrintableText.excerpt(String.join(", ", RowShape.keysOf(row))));
            }
            values.put(key, value);
        });
        ObjectNode renamed = row.objectNode();
        row.properties().forEach(entry -> {
            if (!columns.containsValue(entry.getKey())) {
                renamed.set(entry.getKey(), entry.getValue());
            }
        });
        values.forEach(renamed::set);
        return renamed;
    }

    /** Of all files. */
    public long numBytes() {
        return files.stream().mapToLong(file -> file.toFile().length()).sum();
    }
}
