package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The default run of the 135M model in bfloat16: what it learned is in its files. */
class SavedMarginTest {
    /** Of the weights that TRL 1.13 saves after the same run; 10.32 before it, and 10.76 of files in bfloat16. */
    private static final double TRL = 16.35;

    @TempDir
    Path directory;

    @Test
    void isThatOfTheMasterWeights() throws IOException {
        Path report = SharedFiles.path("reports/21-saved-dtype");
        Path rows = report.resolve("polite.jsonl");
        Path run = directory.resolve("run");
        Path config = Files.writeString(
                directory.resolve("run.yaml"),
                Files.readString(report.resolve("smol.yaml"))
                        .replace("MODEL", SharedFiles.smolLm2().toString()));
        Cli.run("train", config, "dataset_name=" + rows, "output_dir=" + run, "save_strategy=no")
                .succeeds();
        Path output = directory.resolve("logps.jsonl");
        Cli.run("logprobs", "--model", run.resolve("final"), "--data", rows, "--output", output)
                .succeeds();
        double margin = Cli.readJsonLines(output).stream()
                .mapToDouble((JsonNode row) -> row.get("chosen_logps").doubleValue()
                        - row.get("rejected_logps").doubleValue())
                .average()
                .orElseThrow();
        assertThat(margin).isCloseTo(TRL, within(0.1));
    }
}
