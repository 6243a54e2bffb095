package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportCommandTest {
    @TempDir
    Path directory;

    @Test
    void reportsWhatTrainingLeft() throws IOException {
        TinyRun run = TinyRun.in(directory);
        run.train("logging_steps=1").succeeds();
        Path output = directory.resolve("report");
        Cli cli = Cli.run("report", run.output(), "--output", output).succeeds();
        assertThat(cli.out()).contains("plots of 1 run in", "index.html");
        assertThat(Files.readString(output.resolve("index.html")))
                .contains("Training run run", "DPO, finished", "learning_rate");
        assertThat(Files.readAllLines(output.resolve("plots/loss-dpo.csv"))).hasSize(5);
    }

    @Test
    void saysWhatIsNoRun() throws IOException {
        Path output = directory.resolve("report");
        Path other = Files.createDirectory(directory.resolve("photos"));
        Cli.run("report", other, "--output", output).failsWith(ExitCode.DATA, "photos is no training run");
        Cli.run("report", directory.resolve("none"), "--output", output)
                .failsWith(ExitCode.DATA, "none is no directory");
        Cli.run("report", "--output", output).failsWith(ExitCode.CONFIGURATION, "RUN_DIR");
        assertThat(output).doesNotExist();
        Files.writeString(other.resolve("config.yaml"), "loss_type: dpo\n\tbeta: 1\n");
        Cli.run("report", other, "--output", output).failsWith(ExitCode.DATA, "config.yaml:2", "not valid YAML");
        Files.writeString(other.resolve("config.yaml"), "loss_type: dpo\n");
        Cli.run("report", other, "--output", other)
                .failsWith(ExitCode.CONFIGURATION, "is no report that could be replaced");
    }
}
