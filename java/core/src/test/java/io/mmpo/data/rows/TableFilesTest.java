package io.mmpo.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.data.RowKind;
import io.mmpo.data.TestRows;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.TokenizationOptions;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** CSV, Parquet and packed files, as people have them and as nobody should. */
@Timeout(120)
class TableFilesTest {
    @TempDir
    private Path directory;

    private static List<RowFile.Row> read(Path file) {
        List<RowFile.Row> rows = new java.util.ArrayList<>();
        try (RowFile open = RowFile.open(file, new PreferenceShape().keys())) {
            for (var row = open.next(); row.isPresent(); row = open.next()) {
                row.get().content().get();
                rows.add(row.get());
            }
        }
        return rows;
    }

    private static void assertRefused(Path file, String... inMessage) {
        assertThatThrownBy(() -> {
                    try (TokenizedDataset data =
                            RowKind.PREFERENCE.open(file, TestRows.NO_TOKENIZER, TokenizationOptions.UNLIMITED)) {
                        data.size();
                    }
                })
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .satisfies(e -> assertThat(e.getMessage())
                        .hasSizeLessThan(1000)
                        .contains(file.getFileName().toString())
                        .contains(inMessage));
    }

    private Path csv(String text) throws IOException {
        return Files.writeString(directory.resolve("rows.csv"), text);
    }

    @Test
    void csvValuesAreText() throws IOException {
        List<RowFile.Row> rows = read(csv("\ufeffprompt,chosen,rejected\r\n\"a, \"\"b\"\"\nc\",1,\r\n\nx,y,z\n"));
        assertThat(rows).hasSize(2);
        assertThat(rows.getFirst().content().get().toString())
                .isEqualTo("{\"prompt\":\"a, \\\"b\\\"\\nc\",\"chosen\":\"1\",\"rejected\":\"\"}");
        assertThat(rows.get(1).place().row()).isEqualTo(1);
    }

    @Test
    void brokenCsvIsNamed() throws IOException {
        assertUnreadable(
                csv("prompt,chosen,rejected\na,b,c\nd,e\n"), "row 2: 3 values are wanted, one a column, found 2");
        assertUnreadable(csv("prompt,prompt\na,b\n"), "must name every column once");
        assertUnreadable(csv("prompt,chosen,rejected\na,\"b"), "row 1: it is not valid CSV");
        assertRefused(csv(""), "no rows");
        byte[] bad = "prompt,chosen,rejected\na,b?,c\n".getBytes(StandardCharsets.UTF_8);
        bad[26] = (byte) 0xff;
        assertUnreadable(
                Files.write(directory.resolve("bad.csv"), bad),
                "bad.csv, line 2: it is not UTF-8 (byte 27 of the file");
    }

    /** A data frame's index has no name, and columns that nobody reads may share one. */
    @Test
    void namesOfOtherColumnsAreTheirOwnAffair() throws IOException {
        List<RowFile.Row> rows = read(csv("\ufeff,prompt,chosen,rejected,x,x\r\n0,a,b,c,nan,\r\n\r\n1,d,e,f,,\r\n"));
        assertThat(rows).hasSize(2);
        assertThat(rows.get(1).content().get().get("rejected").textValue()).isEqualTo("f");
    }

    private static void assertUnreadable(Path file, String inMessage) {
        assertThatThrownBy(() -> read(file)).isInstanceOf(MmpoException.class).hasMessageContaining(inMessage);
    }

    @Test
    void parquetIsReadInPiecesWithItsRowNumbers() throws SQLException {
        Path file = TestRows.writeParquet(
                directory.resolve("odd [name]*.parquet"),
                "SELECT [i::INT] AS prompt_ids, [2] AS chosen_ids, [3] AS rejected_ids, 'x' AS other FROM range(5000) r(i)");
        try (TokenizedDataset data =
                RowKind.PREFERENCE.open(file, TestRows.NO_TOKENIZER, TokenizationOptions.UNLIMITED)) {
            assertThat(data.size()).isEqualTo(5000);
            assertThat(data.get(4999).prompt()).containsExactly(4999);
            assertThat(data.get(4999).row()).isEqualTo(4999);
        }
        assertThat(read(file).getFirst().content().get().has("other"))
                .as("columns that no row knows are not read")
                .isFalse();
    }

    @Test
    void parquetNullsAreNamed() throws SQLException {
        Path file = TestRows.writeParquet(
                directory.resolve("nulls.parquet"),
                "SELECT 'p' AS prompt, CASE WHEN i = 3 THEN NULL ELSE [2] END AS chosen_ids, [3] AS rejected_ids, [1] AS prompt_ids"
                        + " FROM range(9) r(i)");
        assertRefused(file, "row 4", "chosen_ids must be a list of token ids");
    }

    @Test
    void brokenParquetIsRefused() throws IOException, SQLException {
        assertRefused(Files.writeString(directory.resolve("text.parquet"), "no table"), "cannot be read as Parquet");
        Path good = TestRows.writeParquet(
                directory.resolve("good.parquet"),
                "SELECT [i::INT] AS prompt_ids, [2] AS chosen_ids, [3] AS rejected_ids FROM range(5000) r(i)");
        byte[] bytes = Files.readAllBytes(good);
        for (int i = 4; i < 2000; i++) {
            bytes[i] = (byte) (i * 31); // the pages, not the footer
        }
        assertRefused(Files.write(directory.resolve("spoiled.parquet"), bytes), "cannot be read as Parquet");
        assertRefused(
                Files.write(directory.resolve("cut.parquet"), java.util.Arrays.copyOf(bytes, bytes.length / 2)),
                "cannot be read as Parquet");
    }

    /** A kilobyte that becomes 400 GB of text: each row has 20 MB. */
    @Test
    void parquetBombIsStopped() throws SQLException, IOException {
        Path bomb = TestRows.writeParquet(
                directory.resolve("bomb.parquet"),
                "SELECT [1] AS prompt_ids, [2] AS chosen_ids, [3] AS rejected_ids, repeat('x', 20000000) AS prompt"
                        + " FROM range(30) r(i)");
        assertThat(Files.size(bomb)).isLessThan(10_000_000);
        assertRefused(bomb, "more than 1000 times the file");
    }

    @Test
    void parquetRowBeyondTheLimitIsNamed() throws SQLException {
        Path file = TestRows.writeParquet(
                directory.resolve("huge.parquet"),
                "SELECT [1] AS prompt_ids, [2] AS chosen_ids, [3] AS rejected_ids, repeat('x', i * 60000000) AS prompt"
                        + " FROM range(2) r(i)");
        assertRefused(file, "row 2", "a row may have 50000000 bytes");
    }

    @Test
    void gzipBombIsStopped() throws IOException {
        Path bomb = directory.resolve("bomb.jsonl.gz");
        byte[] line = ("{\"prompt_ids\": [1], \"chosen_ids\": [2], \"rejected_ids\": [3], \"x\": \""
                        + "y".repeat(4_000_000) + "\"}\n")
                .getBytes(StandardCharsets.UTF_8);
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(bomb)) {
            {
                def.setLevel(9);
            }
        }) {
            for (int i = 0; i < 90; i++) {
                out.write(line);
            }
        }
        assertRefused(bomb, "more than 1000 times the file");
        assertRefused(
                Files.write(
                        directory.resolve("cut.jsonl.gz"), java.util.Arrays.copyOf(Files.readAllBytes(bomb), 50_000)),
                "cannot be read");
        assertRefused(Files.writeString(directory.resolve("no.jsonl.gz"), "text"), "cannot be read");
    }

    @Test
    void jsonFileMayHoldLines() throws IOException {
        Path file = Files.writeString(directory.resolve("rows.json"), "\n" + TestRows.pair(1) + TestRows.pair(2));
        assertThat(read(file)).hasSize(2);
        Path gz = directory.resolve("rows.json.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(gz))) {
            out.write(("[" + TestRows.pair(1) + "," + TestRows.pair(2) + "]").getBytes(StandardCharsets.UTF_8));
        }
        assertThat(read(gz)).hasSize(2);
        DatasetSource both = new DatasetSource("both", List.of(file, gz), Map.of());
        try (TokenizedDataset data =
                RowKind.PREFERENCE.open(both, TestRows.NO_TOKENIZER, TokenizationOptions.UNLIMITED, Optional.empty())) {
            assertThat(TestRows.prompts(data)).containsExactly(1, 2, 1, 2);
        }
    }
}
