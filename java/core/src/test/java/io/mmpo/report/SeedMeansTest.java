package io.mmpo.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SeedMeansTest {
    @TempDir
    Path directory;

    private Path run(String name, String loss, double beta, int seed, double winRate, double accuracy)
            throws IOException {
        Path run = ExampleRuns.finished(directory.resolve(name), loss, beta);
        Files.writeString(run.resolve("config.yaml"), "seed: " + seed + "\n", StandardOpenOption.APPEND);
        ExampleRuns.evaluations(run, winRate, accuracy);
        return run;
    }

    /** Of 52 and 56 the mean is 54, and its standard error √8/√2 = 2. */
    @Test
    void runsThatDifferInTheirSeedAloneAreOne() throws IOException {
        List<Path> runs = List.of(
                run("dpo-seed1", "dpo", 0.1, 1, 50, 34),
                run("dpo-seed2", "dpo", 0.1, 2, 54, 36),
                run("mmpo-seed1", "mmpo", 0.1, 1, 60, 33));
        Report report = Report.ofSeedMeans(runs);
        assertThat(report.numRuns()).isEqualTo(2);
        Path page = report.write(directory.resolve("report"), note -> {});
        List<String> evaluations = Files.readAllLines(directory.resolve("report/tables/evaluations.csv"));
        assertThat(evaluations.getFirst())
                .isEqualTo(
                        "run,checkpoint,epoch,\"win-rate, %\",±,\"length-controlled, %\",±,\"mean accuracy, %\",±,piqa,race");
        assertThat(evaluations.get(1))
                .matches(
                        "dpo,checkpoint-10,1,54,2(\\.0+\\d)?,54\\.5,2(\\.0+\\d)?,35\\.95\\d*,(1|1\\.0+\\d+|0\\.9+\\d*),.*");
        assertThat(evaluations.get(5)).startsWith("mmpo-seed1,checkpoint-10,1,62,,62.5,,");
        assertThat(Files.readString(page))
                .contains("The mean of 2 runs: dpo-seed1, dpo-seed2.", "A cross is one standard error");
        assertThat(Files.readAllLines(directory.resolve("report/plots/loss-dpo.csv")))
                .hasSize(1 + 20)
                .anyMatch(line -> line.startsWith("40,1.1,"));
    }

    /** Where nothing is a mean the page is the same. */
    @Test
    void otherRunsStayAsTheyAre() throws IOException {
        List<Path> runs = List.of(run("a", "dpo", 0.1, 1, 50, 34), run("b", "dpo", 0.2, 1, 54, 36));
        Path one = Report.of(runs).write(directory.resolve("one"), note -> {});
        Path other = Report.ofSeedMeans(runs).write(directory.resolve("other"), note -> {});
        assertThat(Files.readString(other)).isEqualTo(Files.readString(one));
    }

    @Test
    void aMeanHasTheNameThatItsRunsBeginWith() {
        assertThat(RunNames.common(List.of("mmpo-0.01-seed1", "mmpo-0.01-seed2")))
                .isEqualTo("mmpo-0.01");
        assertThat(RunNames.common(List.of("mmpo/1", "mmpo/2"))).isEqualTo("mmpo");
        assertThat(RunNames.common(List.of("seed1", "seed2"))).isEqualTo("seed1");
    }
}
