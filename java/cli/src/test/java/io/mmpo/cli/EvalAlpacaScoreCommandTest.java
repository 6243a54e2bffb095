package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalAlpacaScoreCommandTest {
    @TempDir
    Path directory;

    @Test
    void writesTheLeaderboardsNumbers() throws IOException {
        Path annotations = SharedFiles.path("data/alpaca_eval/alpaca-7b.jsonl");
        Path gamed = SharedFiles.path("data/alpaca_eval/df_gamed_reconstructed.csv");
        Path output = directory.resolve("scores/alpaca");
        Cli cli = Cli.run("eval", "alpaca", "score", "--annotations", annotations, "--gamed", gamed, "--output", output)
                .succeeds();
        assertThat(cli.out()).contains("alpaca-7b: win-rate 2.59%", "length-controlled 5.87%", "805 verdicts");
        JsonNode score =
                new ObjectMapper().readTree(output.resolve("score.json").toFile());
        assertThat(score.path("win_rate").doubleValue()).isCloseTo(2.591450540223603, within(0.005));
        assertThat(score.path("length_controlled_winrate").doubleValue()).isCloseTo(5.875487163278986, within(0.02));
        assertThat(score.path("standard_error").doubleValue()).isCloseTo(0.4870855382635108, within(1e-6));
        assertThat(score.path("lc_standard_error").doubleValue()).isCloseTo(0.375522457084529, within(1e-3));
        assertThat(score.path("n_total").intValue()).isEqualTo(805);
        assertThat(score.path("glm").path("name").textValue()).isEqualTo("length_controlled_v1");
        List<String> lines = Files.readAllLines(output.resolve("leaderboard.csv"));
        List<String> published = Files.readAllLines(SharedFiles.path("data/alpaca_eval/leaderboard.csv"));
        assertThat(lines).hasSize(2);
        assertThat(lines.getFirst()).isEqualTo(published.getFirst());
        assertThat(lines.get(1)).startsWith("alpaca-7b,2.59").contains(",17,785,3,805,", ",community,396,5.87");
    }

    @Test
    void saysWhatIsMissing() {
        Path annotations = SharedFiles.path("data/alpaca_eval/alpaca-7b.jsonl");
        Cli.run("eval", "alpaca", "score", "--annotations", annotations, "--glm", "v1", "--output", directory)
                .failsWith(ExitCode.CONFIGURATION, "v1", "--gamed", "--glm minimal");
        Cli.run("eval", "alpaca", "score", "--annotations", directory.resolve("none.json"), "--output", directory)
                .failsWith(ExitCode.DATA, "none.json", "there is nothing");
        Cli.run("eval", "alpaca", "score", "--annotations", annotations, "--output", annotations.resolve("x"))
                .failsWith(ExitCode.ENVIRONMENT, "The scores cannot be written into", "Choose another directory");
        Cli.run("eval", "alpaca").failsWith(ExitCode.CONFIGURATION, "A step of AlpacaEval is wanted");
        Cli.run("eval").failsWith(ExitCode.CONFIGURATION, "An evaluation is wanted");
    }
}
