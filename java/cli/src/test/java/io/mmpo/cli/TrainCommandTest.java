package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    @Test
    void anInterruptSavesACheckpointAndTheRunGoesOn() throws Exception {
        TinyRun run = TinyRun.with(directory, SharedFiles.path("golden/tiny_llama/tied"), "");
        Process process = start("train", run.config().toString(), "max_steps=100000", "logging_steps=1");
        Path metrics = run.output().resolve("metrics.jsonl");
        while (process.isAlive() && !Files.exists(metrics)) {
            Thread.sleep(20);
        }
        process.toHandle().destroy(); // SIGTERM
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        String out = new String(process.getInputStream().readAllBytes());
        assertThat(process.exitValue()).as(out).isEqualTo(ExitCode.INTERRUPTED);
        assertThat(out).contains("Interrupted after step ", "resume_from_checkpoint=true");
        assertThat(run.output().resolve("final")).doesNotExist();
        String[] checkpoints = run.output().toFile().list((parent, name) -> name.startsWith("checkpoint-"));
        assertThat(checkpoints).hasSize(1);
    }

    /** The command line in a process of its own, as the launcher starts it. */
    private Process start(String... words) throws IOException {
        List<String> command = new java.util.ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "io.mmpo.cli.Main"));
        command.addAll(List.of(words));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    @Test
    void aFullDiskLeavesNothingHalfWritten() throws Exception {
        Path small = mountSmallDisk();
        try {
            TinyRun run = TinyRun.in(directory);
            run.train("output_dir=" + small.resolve("run"), "save_strategy=steps", "save_steps=1")
                    .failsWith(ExitCode.ENVIRONMENT, "checkpoint-1", "No space left on device");
            assertThat(small.resolve("run").toFile().list()).doesNotContain("checkpoint-1", "final");
            assertThat(small.resolve("run").toFile().list((parent, name) -> name.contains("incomplete")))
                    .isEmpty();
        } finally {
            new ProcessBuilder("umount", small.toString()).start().waitFor();
        }
    }

    /** 600 kB: room for the files of a run, not for a checkpoint of the tiny model. */
    private Path mountSmallDisk() throws IOException, InterruptedException {
        Path small = Files.createDirectory(directory.resolve("small"));
        Process mount =
                new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", small.toString()).start();
        assumeTrue(mount.waitFor() == 0, "skipped: a small tmpfs cannot be mounted here (it takes root)");
        return small;
    }
}
