package io.mmpo.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TableFileTest {
    @TempDir
    Path directory;

    private List<TableRow> read(String name, String text) throws IOException {
        return TableFile.read(Files.writeString(directory.resolve(name), text));
    }

    @Test
    void everyColumnIsThere() throws IOException {
        List<TableRow> lines = read("a.jsonl", "{\"a\": 1, \"b\": {\"c\": [0.5, null]}}\n\n{\"d\": \"x\"}\n");
        assertThat(lines).hasSize(2);
        assertThat(lines.getFirst().plain().get("a")).isEqualTo(1L);
        assertThat(lines.getFirst().values().path("b").path("c").path(0).doubleValue())
                .isEqualTo(0.5);
        assertThat(lines.get(1).plain()).isEqualTo(Map.of("d", "x"));
        assertThat(lines.get(1).row()).isEqualTo(1);
        assertThat(lines.get(1).error("no %s", "luck")).hasMessageContaining("a.jsonl, line 3: no luck");
        assertThat(read("b.json", "[{\"a\": 1}, {\"a\": 2}]")).hasSize(2);
        assertThat(read("c.csv", "a,b\n1,\"x,y\"\n").getFirst().plain()).isEqualTo(Map.of("a", "1", "b", "x,y"));
    }

    @Test
    void whatIsNoTableIsAnError() {
        assertThatThrownBy(() -> read("a.jsonl", "[1]"))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("object");
        assertThatThrownBy(() -> TableFile.read(directory.resolve("none.jsonl")))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("none.jsonl");
    }
}
