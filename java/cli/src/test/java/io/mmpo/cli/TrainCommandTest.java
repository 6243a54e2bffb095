package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainCommandTest {
    @TempDir
    Path directory;

    @Test
    void trainsAndLeavesARunDirectory() throws IOException {
        TinyRun run = TinyRun.in(directory);
        Cli cli = run.train("dataloader_pin_memory=true", "loss_type=mmpo").succeeds();
        assertThat(cli.out())
                .isEqualTo("The trained model is in " + run.output().resolve("final") + "\n");
        assertThat(cli.err())
                .contains("note: dataloader_pin_memory means nothing here")
                .contains("the loss is -s_w exactly")
                .contains("training rows: 64 of 64 rows kept")
                .contains("step 2/4  loss ")
                .contains("saved " + run.output().resolve("final"));
        assertThat(run.output().toFile().list()).containsExactlyInAnyOrder("config.yaml", "metrics.jsonl", "final");
        assertThat(run.output().resolve("final").toFile().list()).contains("model.safetensors", "config.json");
        List<String> metrics = Files.readAllLines(run.output().resolve("metrics.jsonl"));
        assertThat(metrics).hasSize(3);
        assertThat(metrics.get(0))
                .contains(
                        "\"loss\":",
                        "\"grad_norm\":",
                        "\"learning_rate\":",
                        "\"rewards/chosen\":",
                        "\"rewards/rejected\":",
                        "\"rewards/accuracies\":",
                        "\"rewards/margins\":",
                        "\"logps/chosen\":",
                        "\"logps/rejected\":",
                        "\"epoch\":",
                        "\"step\":2,",
                        "\"step_seconds\":",
                        "\"pairs_per_second\":",
                        "\"tokens_per_second\":",
                        "\"data_wait_seconds\":",
                        "\"peak_memory_bytes\":");
    }

    /** A terminal that closes tells its processes more than once. */
    @ParameterizedTest
    @CsvSource({"TERM, 1", "HUP, 3"})
    void aSignalSavesACheckpointAndTheRunGoesOn(String signal, int times) throws Exception {
        TinyRun run = TinyRun.with(directory, SharedFiles.path("golden/tiny_llama/tied"), "");
        Process process = CliProcess.start("train", run.config(), "max_steps=100000", "logging_steps=1");
        Path metrics = run.output().resolve("metrics.jsonl");
        while (process.isAlive() && !Files.exists(metrics)) {
            Thread.sleep(20);
        }
        for (int i = 0; i < times; i++) {
            new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
                    .start()
                    .waitFor();
        }
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        String out = new String(process.getInputStream().readAllBytes());
        assertThat(process.exitValue()).as(out).isEqualTo(ExitCode.INTERRUPTED);
        assertThat(out).contains("Interrupted after step ", "resume_from_checkpoint=true", "stopping: ");
        assertThat(run.output().resolve("final")).doesNotExist();
        String[] checkpoints = run.output().toFile().list((parent, name) -> name.startsWith("checkpoint-"));
        assertThat(checkpoints).hasSize(1);
    }
}
