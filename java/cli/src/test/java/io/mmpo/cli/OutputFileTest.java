package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What commands leave under --output where that is a link, and where they are interrupted. */
@Timeout(120)
class OutputFileTest {
    @TempDir
    Path directory;

    @Test
    void logprobsAndGenerateFollowALink() throws IOException {
        TinyRun run = TinyRun.in(directory);
        Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("made.jsonl"));
        Cli.run("logprobs", "--model", run.model(), "--data", run.rows(), "--output", link)
                .succeeds();
        assertThat(link).isSymbolicLink();
        assertThat(Cli.readJsonLines(directory.resolve("made.jsonl"))).hasSize(64);

        Path prompts = Files.writeString(directory.resolve("prompts.jsonl"), "{\"prompt\": \"Once\"}\n");
        Path model = SharedFiles.path("models/stories260k");
        Cli.run("generate", "--model", model, "--data", prompts, "--output", link, "--max-new-tokens", "2")
                .succeeds();
        assertThat(link).isSymbolicLink();
        assertThat(Cli.readJsonLines(directory.resolve("made.jsonl"))).hasSize(1);
    }

    /** Neither by its name nor by a link, of whatever option. */
    @Test
    void aFileThatIsReadIsNotWrittenOver() throws IOException {
        TinyRun run = TinyRun.in(directory);
        byte[] rows = Files.readAllBytes(run.rows());
        Path link = Files.createSymbolicLink(directory.resolve("link"), run.rows());
        Cli.run("logprobs", "--model", run.model(), "--data", run.rows(), "--output", link)
                .failsWith(ExitCode.CONFIGURATION, "is the file of --data, which would be lost");
        Cli.run("generate", "--model", run.model(), "--data", link, "--output", run.rows())
                .failsWith(ExitCode.CONFIGURATION, "is the file of --data, which would be lost");
        Cli.run("eval", "reward", "--model", run.model(), "--data", run.rows(), "--output", run.rows())
                .failsWith(ExitCode.CONFIGURATION, "is the file of --data, which would be lost");
        Cli.run(
                        "eval",
                        "alpaca",
                        "judge",
                        "--outputs",
                        "a.json",
                        "--baseline",
                        run.rows(),
                        "--judge",
                        "j.yaml",
                        "--output",
                        run.rows())
                .failsWith(ExitCode.CONFIGURATION, "is the file of --baseline, which would be lost");
        assertThat(Files.readAllBytes(run.rows())).isEqualTo(rows);
    }

    @Test
    void anInterruptedCommandLeavesNothingAndSaysSo() throws Exception {
        TinyRun run = TinyRun.in(directory);
        String rows = Files.readString(run.rows());
        Path many = Files.writeString(directory.resolve("many.jsonl"), rows.repeat(3000));
        Path target = Files.createDirectory(directory.resolve("target"));
        Process process = CliProcess.start(
                "logprobs", "--model", run.model(), "--data", many, "--output", target.resolve("out.jsonl"));
        while (process.isAlive() && names(target) == 0) {
            Thread.onSpinWait();
        }
        Thread.sleep(500);
        new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isEqualTo(ExitCode.INTERRUPTED);
        assertThat(target).isEmptyDirectory();
    }

    private static long names(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.count();
        }
    }
}
