package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Configurations and rows of shared/reports that other trainers take: they run as they are, to the peers' values. */
@Timeout(300)
class SettingsReportsTest {
    private static final Path MODEL = Path.of("models/stories260k");

    @TempDir
    private Path directory;

    private Cli train(String report, String config, String rows, String... overrides) {
        Path folder = SharedFiles.path("reports/" + report);
        List<Object> words = new ArrayList<>(List.of(
                "train",
                folder.resolve(config),
                "model_name_or_path=" + SharedFiles.path(MODEL.toString()),
                "dataset_name=" + folder.resolve(rows),
                "output_dir=" + output(),
                "cache_dir=no"));
        words.addAll(List.of(overrides));
        return Cli.run(words.toArray());
    }

    private Path output() {
        return directory.resolve("run");
    }

    private JsonNode firstMetrics() throws IOException {
        return Cli.readJsonLines(output().resolve("metrics.jsonl")).getFirst();
    }

    /** TRL 1.13's CPOTrainer on the same rows: loss and norm; logps/* are means over tokens, as there. */
    @ParameterizedTest
    @ValueSource(strings = {"c.yaml", "c2.yaml"})
    void simpoIsTrls(String config) throws IOException {
        Cli run = train("06-simpo-trl-config", config, "rows.jsonl").succeeds();
        JsonNode metrics = firstMetrics();
        assertThat(metrics.get("loss").doubleValue()).isEqualTo(5.2651e-4, within(1e-7));
        assertThat(metrics.get("grad_norm").doubleValue()).isEqualTo(0.04994, within(1e-5));
        for (String side : List.of("chosen", "rejected")) {
            assertThat(metrics.get("rewards/" + side).doubleValue())
                    .isEqualTo(2.5 * metrics.get("logps/" + side).doubleValue(), within(1e-6));
        }
        assertThat(run.err()).doesNotContain("log-probabilities are sums");
    }

    @Test
    void sumsAreSaidAloud() throws IOException {
        Cli run = train("06-simpo-trl-config", "c.yaml", "rows.jsonl", "length_normalize=false")
                .succeeds();
        assertThat(run.err()).contains("loss_type simpo with length_normalize: false: log-probabilities are sums");
        assertThat(firstMetrics().get("loss").doubleValue()).isEqualTo(37.66, within(0.01));
    }

    @Test
    void aRecipeOfTrlsRuns() throws IOException {
        Cli run = train("16-trl-recipe", "c.yaml", "rows.jsonl").succeeds();
        for (String key : List.of("attn_implementation", "hub_model_id", "log_level", "do_eval")) {
            assertThat(run.err()).contains("note: " + key + " means nothing here");
        }
        assertThat(run.err()).contains("nothing will be evaluated, although eval_strategy is steps");
        assertThat(output().toFile().list()).anyMatch(name -> name.startsWith("events.out.tfevents."));
        assertThat(output().resolve("final")).exists();
    }

    /** Rows beyond max_position_embeddings (512) train, and are counted before the first step. */
    @ParameterizedTest
    @CsvSource({"c.yaml, rows.jsonl", "sft.yaml, sft.jsonl"})
    void rowsBeyondTheModelsPositionsTrain(String config, String rows) {
        Cli run = train("30-past-max-positions", config, rows).succeeds();
        assertThat(run.err())
                .containsPattern(
                        "training rows: 1 of \\d+ rows are longer than the 512 positions of the model \\(max_position_embeddings\\)");
        assertThat(output().resolve("final")).exists();
    }

    @Test
    void valuesThatNobodyReadsMayBeNaN() {
        Cli run = train("32-nan-in-ignored-column", "c.yaml", "rows.jsonl", "max_steps=1", "save_strategy=no")
                .succeeds();
        assertThat(run.err()).contains("2 of 2 rows kept");
    }

    @Test
    void aSecondDocumentIsRefused() {
        Path config = SharedFiles.path("reports/faults/twodocs.yaml");
        Cli.run("train", config).failsWith(ExitCode.CONFIGURATION, config + ":5 belongs to a second YAML document");
    }

    /** 30,000 checkpoints of 3 MB for every gigabyte that is free. */
    @Test
    void aRunThatWillFillTheDiskIsRefusedBeforeTheFirstStep() throws IOException {
        long free = Files.getFileStore(directory).getUsableSpace();
        long steps = Math.min(2_000_000_000, free / 1_000_000);
        train(
                        "06-simpo-trl-config",
                        "c.yaml",
                        "rows.jsonl",
                        "max_steps=" + steps,
                        "save_strategy=steps",
                        "save_steps=1")
                .failsWith(
                        ExitCode.ENVIRONMENT,
                        "the run will write about",
                        steps + " checkpoints of",
                        "save_total_limit");
        assertThat(output().resolve("metrics.jsonl")).doesNotExist();
        train("06-simpo-trl-config", "c.yaml", "rows.jsonl", "save_strategy=steps", "save_steps=1")
                .succeeds();
    }

    @Test
    void promptsAreReadAsRowsAre() throws IOException {
        Path prompts = Files.writeString(
                directory.resolve("prompts.jsonl"),
                "\ufeff{\"prompt\": \"Once\", \"score\": NaN}\r\n\r\n{\"prompt\": \"Twice\"}\r\n");
        Path answers = directory.resolve("answers.jsonl");
        Object[] command = {
            "generate",
            "--model",
            SharedFiles.path(MODEL.toString()),
            "--data",
            prompts,
            "--output",
            answers,
            "--raw",
            "--max-new-tokens",
            "600"
        };
        Cli run = Cli.run(command).succeeds();
        assertThat(Cli.readJsonLines(answers)).hasSize(2);
        // 600 tokens are more than the model's 512 positions, unless it ends before.
        boolean beyond = false;
        for (JsonNode answer : Cli.readJsonLines(answers)) {
            beyond |= answer.get("token_ids").size() > 512;
        }
        assertThat(run.err().contains("is longer than the 512 positions of the model"))
                .isEqualTo(beyond);
        Files.write(prompts, new byte[] {'{', '}', '\n', '{', (byte) 0xff});
        Cli.run(command).failsWith(ExitCode.DATA, "it is not UTF-8 text (byte 5, in line 2)");
    }

    @Test
    void logprobsOfRowsBeyondTheModelsPositionsAreWritten() throws IOException {
        Path output = directory.resolve("logps.jsonl");
        Cli run = Cli.run(
                        "logprobs",
                        "--model",
                        SharedFiles.path(MODEL.toString()),
                        "--data",
                        SharedFiles.path("reports/30-past-max-positions/rows.jsonl"),
                        "--output",
                        output)
                .succeeds();
        assertThat(run.err()).contains("are longer than the 512 positions of the model");
        assertThat(Cli.readJsonLines(output))
                .allSatisfy(
                        row -> assertThat(row.get("chosen_logps").doubleValue()).isFinite());
    }

    @Test
    void longArgumentsAreRepeatedByTheirBeginning() {
        Cli run = Cli.run("generate", "--model", "m", "--prompt", "x", "--seed", "7".repeat(20_000));
        run.failsWith(ExitCode.CONFIGURATION, "'" + "7".repeat(50));
        assertThat(run.err()).hasSizeLessThan(1000);
    }
}
