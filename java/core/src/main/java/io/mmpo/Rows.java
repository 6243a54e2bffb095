package io.mmpo;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.data.rows.DatasetSource;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Where rows come from: a program's memory, a stream that is read once, a file, or a data set of a hub. */
public final class Rows {
    private static final String IN_MEMORY = "rows in memory";
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final Optional<Source> memory;
    private final String name;

    private interface Source {
        Stream<? extends Row> open();
    }

    private Rows(Optional<Source> memory, String name) {
        this.memory = memory;
        this.name = name;
    }

    public static Rows of(Collection<? extends Row> rows) {
        List<Row> copy = List.copyOf(rows);
        return new Rows(Optional.of(copy::stream), IN_MEMORY);
    }

    public static Rows of(Row... rows) {
        return of(List.of(rows));
    }

    /** Of a stream, which is read once, in its order, while a run begins; it is the caller's to close. */
    public static Rows of(Stream<? extends Row> rows) {
        return new Rows(Optional.of(() -> rows), IN_MEMORY);
    }

    /** A file of JSON lines, JSON, CSV or Parquet, or a directory of such files. */
    public static Rows file(Path path) {
        return new Rows(Optional.empty(), path.toString());
    }

    /** A data set of a hub, as owner/name or owner/name@revision. */
    public static Rows dataset(String name) {
        return new Rows(Optional.empty(), name);
    }

    /** The same with rows of a stream read, on the thread that calls. */
    Rows held() {
        return memory.isPresent() ? of(memory.get().open().toList()) : this;
    }

    /** What a configuration calls them. */
    String name() {
        return name;
    }

    Optional<DatasetSource> inMemory() {
        return memory.map(source -> DatasetSource.inMemory(
                IN_MEMORY, source.open().<ObjectNode>map(Rows::json).iterator()));
    }

    /** As a file would have the row. */
    private static ObjectNode json(Row row) {
        ObjectNode json = JSON.objectNode();
        switch (row) {
            case Row.Pair pair -> {
                json.set("prompt", messages(pair.prompt()));
                json.set("chosen", reply(pair.chosen()));
                json.set("rejected", reply(pair.rejected()));
            }
            case Row.TextPair pair ->
                json.put("prompt", pair.prompt()).put("chosen", pair.chosen()).put("rejected", pair.rejected());
            case Row.Demonstration demonstration -> {
                json.set("prompt", messages(demonstration.prompt()));
                json.set("completion", reply(demonstration.reply()));
            }
            case Row.TextDemonstration demonstration ->
                json.put("prompt", demonstration.prompt()).put("completion", demonstration.continuation());
        }
        return json;
    }

    private static ArrayNode reply(String text) {
        return messages(List.of(Message.assistant(text)));
    }

    static ArrayNode messages(List<Message> messages) {
        ArrayNode array = JSON.arrayNode();
        messages.forEach(
                message -> array.addObject().put("role", message.role()).put("content", message.content()));
        return array;
    }
}
