package io.mmpo.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.data.RowKind;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.TokenizationOptions;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that no one should be able to hurt the program with. */
@Timeout(60)
class RowFileTest {
    private static final String GOOD = "{\"prompt_ids\": [1], \"chosen_ids\": [2], \"rejected_ids\": [3]}\n";

    @TempDir
    private Path directory;

    private void assertRefused(byte[] content, String name, String... inMessage) throws IOException {
        Path file = Files.write(directory.resolve(name), content);
        assertThatThrownBy(() -> {
                    try (TokenizedDataset dataset =
                            RowKind.PREFERENCE.open(file, () -> null, TokenizationOptions.UNLIMITED)) {
                        dataset.size();
                    }
                })
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .satisfies(e -> assertThat(e.getMessage())
                        .hasSizeLessThan(1000)
                        .contains(name)
                        .contains(inMessage));
    }

    private void assertSecondLineRefused(String line, String... inMessage) throws IOException {
        String[] all = Arrays.copyOf(inMessage, inMessage.length + 1);
        all[inMessage.length] = "line 2";
        assertRefused((GOOD + line + "\n" + GOOD).getBytes(StandardCharsets.UTF_8), "bad.jsonl", all);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            value = {
                "rows.arrow ! write it as Parquet",
                "rows.tsv ! write it with commas",
                "rows.jsonl.zst ! unpack it",
                "rows.ZIP ! unpack it",
                "rows.tar.gz ! unpack it"
            })
    void filesOfOtherKindsAreRefusedByTheirNames(String name, String mend) throws IOException {
        assertRefused(GOOD.getBytes(StandardCharsets.UTF_8), name, mend);
    }

    @Test
    void anObjectOverSeveralLinesIsRefusedWithoutTheParsersOwnWords() throws IOException {
        assertRefused(
                "{\n \"prompt_ids\": [1]\n}\n".getBytes(StandardCharsets.UTF_8),
                "pretty.json",
                "line 1",
                "expected close marker for Object that begins in column 1.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            quoteCharacter = '`',
            value = {
                "{\"prompt_ids\": [1], \"chosen_ids\": [2] ! not valid JSON",
                "{\"prompt_ids\": [1], \"chosen_ids\": [2], \"rejected_ids\": [3]} {} ! something after it",
                "{\"prompt_ids\": [1], \"chosen_ids\": [2], \"rejected_ids\": [3]} x ! not valid JSON",
                "{\"chosen\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"} ! Duplicate field 'chosen'",
                "{\"prompt\": \"a\", \"prompt\": \"b\", \"chosen\": \"b\", \"rejected\": \"c\"} ! Duplicate field 'prompt'",
                "{\"prompt\": \"a\", \"completion\": \"b\", \"label\": true} ! KTO's single answers",
                "{\"x\": nan, \"prompt\": \"a\"} ! not valid JSON",
                "[1, 2] ! a JSON object is wanted",
                "\"text\" ! a JSON object is wanted",
                "null ! a JSON object is wanted",
                "{\"prompt\": \"a\", \"rejected\": \"c\"} ! 'chosen', which is missing; found the keys prompt, rejected",
                "{\"prompt\": \"a\", \"chosen\": null, \"rejected\": \"c\"} ! 'chosen', which is missing",
                "{\"prompt\": \"a\", \"chosen\": 7, \"rejected\": \"c\"} ! chosen must be text here, found 7",
                "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": [{\"role\": \"user\", \"content\": \"x\"}]} ! of one kind",
                "{\"prompt\": \"Q\", \"chosen\": [{\"role\": \"assistant\", \"content\": \"x\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"y\"}]} ! write the prompt as messages",
                "{\"prompt\": [], \"chosen\": [\"x\"], \"rejected\": [\"y\"]} ! chosen must be text here",
                "{\"chosen\": [{\"role\": \"user\"}], \"rejected\": [{\"role\": \"user\", \"content\": \"x\"}]} ! chosen[0].content must be text",
                "{\"chosen\": [{\"content\": \"x\"}], \"rejected\": [{\"content\": \"y\"}]} ! chosen[0] must be a message",
                "{\"prompt_ids\": [1], \"chosen_ids\": [2.5], \"rejected_ids\": [3]} ! chosen_ids must hold token ids",
                "{\"prompt_ids\": [1], \"chosen_ids\": [-1], \"rejected_ids\": [3]} ! chosen_ids must hold token ids",
                "{\"prompt_ids\": [1], \"chosen_ids\": [99999999999], \"rejected_ids\": [3]} ! chosen_ids must hold token ids",
                "{\"prompt_ids\": \"1\", \"chosen_ids\": [2], \"rejected_ids\": [3]} ! prompt_ids must be a list of token ids",
                "{\"prompt\": \"a\", \"chosen\": NaN, \"rejected\": \"c\"} ! chosen must be text here, found NaN",
            })
    void badRowIsNamed(String line, String message) throws IOException {
        assertSecondLineRefused(line, message);
    }

    @Test
    void bytesThatAreNoTextAreNamed() throws IOException {
        byte[] bad = (GOOD + "{\"prompt\": \"a?b\"}").getBytes(StandardCharsets.UTF_8);
        bad[GOOD.length() + 13] = (byte) 0xc3;
        assertRefused(bad, "bad.jsonl", "line 2", "not UTF-8 (byte 14 of the line)");
        bad[GOOD.length() + 13] = 0;
        assertRefused(bad, "bad.jsonl", "line 2", "not valid JSON");
    }

    /** Numbers of any length are passed over where nobody reads them, and bounded where somebody does. */
    @Test
    void numbersThatAreReadAreBounded() throws IOException {
        assertSecondLineRefused(
                "{\"prompt_ids\": [" + "1".repeat(20_000) + "], \"chosen_ids\": [2], \"rejected_ids\": [3]}",
                "a number may have 1000 digits, and /prompt_ids/0 has 20000");
    }

    @Test
    void oddValuesInOtherColumnsArePassedOver() throws IOException {
        String odd = "{\"score\": NaN, \"a\": -Infinity, \"a\": 1e400, \"b\": " + "9".repeat(5000)
                + ", \"c\": {\"d\": 1, \"d\": \"\\udc00\"}, " + GOOD.substring(1);
        for (String text : java.util.List.of(
                odd + "\r\n\r\n \t\r\n" + odd,
                "[" + odd.strip() + ",\r\n" + odd.strip() + "]\r\n",
                "\ufeff" + odd + odd)) {
            for (String name : java.util.List.of("odd.jsonl", "odd.json")) {
                Path file = Files.writeString(directory.resolve(name), text);
                try (TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> null, TokenizationOptions.UNLIMITED)) {
                    assertThat(dataset.size()).as(name).isEqualTo(2);
                }
            }
        }
    }

    @Test
    void placeOfBytesThatAreNoTextIsNamedInArraysToo() throws IOException {
        byte[] bad = ("[" + GOOD + "," + GOOD + "]").getBytes(StandardCharsets.UTF_8);
        bad[GOOD.length() + 10] = (byte) 0xff;
        assertRefused(bad, "bad.json", "line 2: it is not UTF-8 (byte " + (GOOD.length() + 11) + " of the file");
    }

    @Test
    void nestingIsBounded() throws IOException {
        assertSecondLineRefused("{\"prompt\": " + "[".repeat(100_000) + "]".repeat(100_000) + "}", "not valid JSON");
        assertSecondLineRefused("{\"a\":".repeat(100_000), "not valid JSON");
    }

    @Test
    void rowOfMoreThanFiftyMegabytesIsRefused() throws IOException {
        Path file = directory.resolve("huge.jsonl");
        byte[] megabyte = new byte[1 << 20];
        Arrays.fill(megabyte, (byte) 'x');
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write("{\"prompt\": \"".getBytes(StandardCharsets.UTF_8));
            for (int i = 0; i < 60; i++) {
                out.write(megabyte);
            }
        }
        try (TokenizedDataset dataset = RowKind.PREFERENCE.open(file, () -> null, TokenizationOptions.UNLIMITED)) {
            assertThatThrownBy(dataset::size)
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining("huge.jsonl, line 1")
                    .hasMessageContaining("50000000 bytes");
        }
    }

    @Test
    void arrayFilesAreCheckedToo() throws IOException {
        assertRefused(
                "{\"prompt\": 1}".getBytes(StandardCharsets.UTF_8), "x.json", "line 1", "'chosen', which is missing");
        assertRefused(("[" + GOOD + ", 7]").getBytes(StandardCharsets.UTF_8), "x.json", "line 2", "object is wanted");
        assertRefused(("[" + GOOD + "] []").getBytes(StandardCharsets.UTF_8), "x.json", "after the array");
        assertRefused(("[" + GOOD + ",").getBytes(StandardCharsets.UTF_8), "x.json", "not valid JSON");
        assertRefused("[]".getBytes(StandardCharsets.UTF_8), "x.json", "no rows");
        assertRefused(new byte[0], "x.json", "no rows");
    }

    @Test
    void byteOrderMarkAndCarriageReturnsAreNoPartOfARow() throws IOException {
        Path file = Files.writeString(directory.resolve("dos.jsonl"), "\ufeff" + (GOOD + GOOD).replace("\n", "\r\n"));
        try (TokenizedDataset dataset = RowKind.PREFERENCE.open(file, () -> null, TokenizationOptions.UNLIMITED)) {
            assertThat(dataset.size()).isEqualTo(2);
        }
    }

    @Test
    void directoryIsNoDataFile() {
        assertThatThrownBy(() -> RowKind.PREFERENCE.open(directory, () -> null, TokenizationOptions.UNLIMITED))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("it is no file");
    }

    @Test
    void controlCharactersOfAFileDoNotReachTheTerminal() throws IOException {
        assertSecondLineRefused("{\"\\u001b[31mred\": 1}", "\\u001b[31mred");
    }
}
