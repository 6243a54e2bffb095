package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tokenizers over which the library breaks down, or whose ids nothing can hold: one paragraph, and the process lives. */
class TokenizerFaultsTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({
        "tok_redos, a60.jsonl, retry-limit-in-match over",
        "tok_charsmap, plain.jsonl, precompiled_charsmap",
        "tok_id, plain.jsonl, 2147483648",
        "tok_unk, plain.jsonl, <unk>"
    })
    void isADataError(String tokenizer, String rows, String reason) throws Exception {
        Process process = CliProcess.start(
                "inspect-data",
                config(tokenizer, SharedFiles.path("reports/faults").resolve(rows)));
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isEqualTo(ExitCode.DATA);
        assertThat(output.lines().filter(line -> line.startsWith("mmpo: "))).hasSize(1);
        assertThat(output).contains(reason, "tokenizer.json").doesNotContain("bug in mmpo", "panicked");
    }

    @Test
    void aRowInMidRunIsNamedAndNothingIsWritten() throws IOException {
        StringBuilder rows = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            rows.append("{\"prompt\": \"b\", \"chosen\": \"%s\", \"rejected\": \"b\"}\n"
                    .formatted(i == 30 ? "a".repeat(60) : "ab"));
        }
        Path file = Files.writeString(directory.resolve("rows.jsonl"), rows);
        Cli.run("inspect-data", config("tok_redos", file), "--rows", 0)
                .failsWith(ExitCode.DATA, "rows.jsonl, line 31", "retry-limit-in-match over");
        assertThat(directory.resolve("out")).doesNotExist();
    }

    /** The library is unpacked before it looks at a definition, which is not at fault. */
    @Test
    void aCacheThatCannotBeMadeIsNotTheTokenizersFault() throws Exception {
        Process process = CliProcess.start(
                Map.of("MMPO_CACHE", "/proc/none"),
                "inspect-data",
                config("tok_id", SharedFiles.path("reports/faults/plain.jsonl")),
                "model_name_or_path=" + SharedFiles.path("models/stories260k"));
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isEqualTo(ExitCode.ENVIRONMENT);
        assertThat(output)
                .startsWith("mmpo: The native tokenizers library could not be loaded: /proc/none does not exist. ")
                .hasLineCount(1);
    }

    private Path config(String tokenizer, Path rows) throws IOException {
        return Files.writeString(directory.resolve("config.yaml"), """
                model_name_or_path: %s
                dataset_name: %s
                output_dir: %s
                cache_dir: no
                """.formatted(
                        SharedFiles.path("reports/faults").resolve(tokenizer), rows, directory.resolve("out")));
    }
}
