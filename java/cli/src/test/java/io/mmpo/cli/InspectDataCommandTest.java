package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectDataCommandTest {
    @TempDir
    Path directory;

    @Test
    void showsIdsMaskAndCountsOfTokenizedRows() {
        TinyRun run = TinyRun.in(directory);
        String out = Cli.run(
                        "inspect-data",
                        run.config(),
                        "--rows",
                        1,
                        "eval_dataset_name=" + run.rows(),
                        "eval_strategy=epoch")
                .succeeds()
                .out();
        assertThat(out)
                .contains("row 0\n  prompt: 15 tokens, mask 0\n    ids  1 87 85 ")
                .contains("  chosen: 17 tokens, mask 1\n    ids  44 174 ")
                .contains("  rejected: 19 tokens, mask 1\n    ids  203 205 ")
                .contains("training rows: 64 of 64 rows kept")
                .contains("tokens of rejected:\n")
                .contains("evaluation rows: 64 of 64 rows kept")
                .doesNotContain("\u001b[")
                .doesNotContain("row 1");
        assertThat(run.output()).doesNotExist();
    }

    @Test
    void figuresAreInTheSameDigitsWhateverTheLanguage() throws Exception {
        Process process = CliProcess.start(
                Map.of("JAVA_TOOL_OPTIONS", "-Duser.language=ar -Duser.country=EG"),
                "inspect-data",
                TinyRun.in(directory).config());
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output).contains("64 of 64 rows kept").doesNotContainPattern("[\\u0660-\\u0669]");
    }

    @Test
    void jsonRowsCanBeTrainedOn() throws IOException {
        TinyRun run = TinyRun.in(directory);
        List<String> lines = Cli.run("inspect-data", run.config(), "--rows", 8, "--json")
                .succeeds()
                .out()
                .lines()
                .toList();
        assertThat(lines).hasSize(9);
        assertThat(lines.getLast()).startsWith("{\"summary\":{\"rows\":64,");
        Path rows = Files.write(directory.resolve("inspected.jsonl"), lines.subList(0, 8));
        run.train("dataset_name=" + rows, "max_steps=1").succeeds();
    }
}
