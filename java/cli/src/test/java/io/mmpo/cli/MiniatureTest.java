package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** examples/miniature in its smallest form, by the commands in processes of their own, as its script runs them: some twenty of them. */
class MiniatureTest {
    private static final Path EXAMPLE = Markdown.ROOT.resolve("examples/miniature");

    @TempDir
    Path directory;

    private Process run(Path program, Path model) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                "python3",
                EXAMPLE.resolve("run").toString(),
                "--smoke",
                "--mmpo",
                program.toString(),
                "--model",
                model.toString());
        builder.command().addAll(List.of("--output", directory.resolve("out").toString()));
        return builder.redirectErrorStream(true).start();
    }

    @Test
    void goesItsWholeRoad() throws Exception {
        Path model = SharedFiles.path("models/stories260k");
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/python3")), "no python3 to run the example with");
        Path program = CliProcess.writeProgram(directory.resolve("mmpo"));
        Process process = run(program, model);
        String said = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        List<JsonNode> results = Cli.readJsonLines(directory.resolve("out/results.jsonl"));
        assertThat(results)
                .extracting(row -> row.get("method").asText())
                .containsExactly("sft", "mmpo", "dpo", "simpo");
        assertThat(results.getFirst().get("win_rate").doubleValue()).isEqualTo(50);
        assertThat(results)
                .allSatisfy(row -> assertThat(row.get("accuracy").doubleValue()).isBetween(0.0, 100.0));
        assertThat(directory.resolve("out/figure.svg")).content().contains("MMPO, beta 0.01: ");
        assertThat(directory.resolve("out/seed-0/report/tables/beside-the-paper.csv"))
                .exists();
        // All is there: nothing is done again.
        assertThat(run(program, model).waitFor()).isZero();
    }
}
