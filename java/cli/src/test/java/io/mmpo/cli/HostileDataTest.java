package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Data and templates from outside that want to hurt: exit status 3, with the file and the row, and nothing written. */
@Timeout(120)
class HostileDataTest {
    private static final String CONVERSATION =
            "{\"prompt\": [{\"role\": \"user\", \"content\": \"Q\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"A\"}],"
                    + " \"rejected\": [{\"role\": \"assistant\", \"content\": \"B\"}]}\n";

    private static final String TOKENS = "{\"prompt_ids\": [1], \"chosen_ids\": [2], \"rejected_ids\": [3]}\n";

    @TempDir
    private Path directory;

    private TinyRun run;

    @BeforeEach
    void useAModelWithATokenizer() {
        run = TinyRun.with(directory, SharedFiles.path("models/stories260k"), "max_length: 64");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}|statements were run",
                "{% for a in range(99999) %}{{ 'x' * 9999999 }}{% endfor %}|is over the limit of 33554432",
                "{% include '/etc/passwd' %}|include",
                "{{ messages.getClass().forName('java.lang.Runtime') }}|getClass",
                "{{ raise_exception('no such role') }}|no such role",
            })
    void templatesAreStopped(String template, String message) throws IOException {
        Files.writeString(run.rows(), CONVERSATION);
        Path file = Files.writeString(directory.resolve("evil.jinja"), template);
        run.train("chat_template_path=" + file).failsWith(ExitCode.DATA, file.toString(), message);
        assertThat(run.output()).doesNotExist();
    }

    @Test
    void theRowThatATemplateRefusesIsNamed() throws IOException {
        Files.writeString(run.rows(), CONVERSATION + CONVERSATION.replace("user", "alien"));
        Path file = Files.writeString(
                directory.resolve("strict.jinja"),
                "{% if messages[0].role == 'alien' %}{{ raise_exception('no aliens') }}{% endif %}{{ messages[0].content }}");
        run.train("chat_template_path=" + file).failsWith(ExitCode.DATA, run.rows() + ", line 2", "no aliens");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"prompt_ids\": [1], \"chosen_ids\": null, \"rejected_ids\": [3]}|chosen_ids",
                "{\"prompt_ids\": [1], \"chosen_ids\": [2, null], \"rejected_ids\": [3]}|chosen_ids",
                "{\"prompt_ids\": [1], \"chosen_ids\": [2], \"chosen_ids\": [4], \"rejected_ids\": [3]}|Duplicate field 'chosen_ids'",
                "null|a JSON object is wanted, found null",
            })
    void theRowAndTheKeyThatAreWrongAreNamed(String row, String message) throws IOException {
        Files.writeString(run.rows(), TOKENS + row + "\n");
        run.train().failsWith(ExitCode.DATA, run.rows() + ", line 2", message);
        assertThat(run.output()).doesNotExist();
    }

    @Test
    void bytesThatAreNoTextAreNamed() throws IOException {
        byte[] line = TOKENS.replace("prompt_ids", "prompt?ids").getBytes(StandardCharsets.UTF_8);
        line[TOKENS.indexOf('_')] = (byte) 0xff;
        Files.write(run.rows(), line);
        run.train().failsWith(ExitCode.DATA, run.rows() + ", line 1", "it is not UTF-8");
    }

    @Test
    void aNestingBombIsNamed() throws IOException {
        Files.writeString(run.rows(), TOKENS + "{\"prompt\": " + "[".repeat(5_000_000));
        run.train().failsWith(ExitCode.DATA, run.rows() + ", line 2", "depth");
    }

    /** Rows are told apart by their place, so ids may repeat, as published ones do. */
    @Test
    void equalIdsAreNoEqualRows() throws IOException {
        Files.writeString(run.rows(), (TOKENS + TOKENS.replace("[2]", "[4]")).replace("{", "{\"id\": 7, "));
        assertThat(run.train("max_steps=1").succeeds().err()).contains("2 of 2 rows kept");
    }

    @Test
    void aRowOfFiftyMegabytesIsNamed() throws IOException {
        byte[] megabyte = new byte[1_000_000];
        Arrays.fill(megabyte, (byte) 'x');
        try (OutputStream out = Files.newOutputStream(run.rows())) {
            out.write((TOKENS + "{\"prompt\": \"").getBytes(StandardCharsets.UTF_8));
            for (int i = 0; i < 51; i++) {
                out.write(megabyte);
            }
            out.write("\"}\n".getBytes(StandardCharsets.UTF_8));
        }
        run.train().failsWith(ExitCode.DATA, run.rows() + ", line 2", "a row may have 50000000 bytes");
    }

    /** The tokenizers library would need 180 bytes a character. */
    @Test
    void aTextTooLongToTokenizeIsNamed() throws IOException {
        Files.writeString(
                run.rows(),
                TOKENS + "{\"prompt\": \"a\", \"chosen\": \"" + "word ".repeat(900_000) + "\", \"rejected\": \"b\"}\n");
        run.train().failsWith(ExitCode.DATA, run.rows() + ", line 2", "A text to tokenize may have 4000000 characters");
    }

    @ParameterizedTest
    @CsvSource({"rows.csv", "rows.parquet", "rows.json", "rows.jsonl.gz"})
    void filesThatAreNotWhatTheirNameSays(String name) throws IOException {
        Path file = Files.write(directory.resolve(name), new byte[] {'[', (byte) 0xff, (byte) 0xfe, 0, 1, 2, 3});
        run.train("dataset_name=" + file).failsWith(ExitCode.DATA, file.toString());
    }
}
