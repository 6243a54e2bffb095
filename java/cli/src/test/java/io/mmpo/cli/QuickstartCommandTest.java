package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.nativelib.NativeLibrary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuickstartCommandTest {
    private static final Pattern TABLE_ROW = Pattern.compile(
            "(?m)^(SFT|MMPO|DPO) +([\\d.]+)% ± ([\\d.]+) +([\\d.]+) of 3 +([\\d.]+)% +([\\d.]+)% +([\\d.]+) s$");

    private static int threads;

    @TempDir
    Path directory;

    /** The model is so small that a second thread of a busy machine is only waited for. */
    @BeforeAll
    static void computeOnOneThread() {
        NativeLibrary.load();
        threads = NativeLibrary.numThreads();
        NativeLibrary.setNumThreads(1);
    }

    @AfterAll
    static void restoreThreads() {
        NativeLibrary.setNumThreads(threads);
    }

    @Test
    void goesTheWholeRoadAndItsNextCommandsRun() throws IOException {
        Path output = directory.resolve("quick");
        Cli cli = Cli.run("quickstart", "--fast", "--output", output).succeeds();

        List<MatchResult> rows = TABLE_ROW.matcher(cli.out()).results().toList();
        assertThat(rows).extracting(row -> row.group(1)).containsExactly("SFT", "MMPO", "DPO");
        assertThat(rows.getFirst().group(2)).as("SFT against itself").isEqualTo("50.0");
        JsonNode numbers =
                new ObjectMapper().readTree(output.resolve("results.json").toFile());
        assertThat(numbers.at("/mmpo/win_rate").asDouble() * 100)
                .isBetween(
                        Double.parseDouble(rows.get(1).group(2)) - 0.05,
                        Double.parseDouble(rows.get(1).group(2)) + 0.05);
        assertThat(cli.err()).contains("the loss is -s_w exactly");
        assertThat(cli.out()).contains("the loss of a pair is exactly -s_w").doesNotContain("\u001b", "\r");

        for (String stage : new String[] {"sft", "mmpo", "dpo"}) {
            assertThat(output.resolve(stage + ".yaml")).isRegularFile();
            assertThat(output.resolve(stage).toFile().list()).contains("config.yaml", "metrics.jsonl", "final");
            assertThat(output.resolve(stage + "/final").toFile().list())
                    .contains("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json");
        }
        assertThat(Files.readAllLines(output.resolve("answers.jsonl")))
                .hasSize(numbers.at("/sft/n").asInt());
        List<Double> losses = evaluationLosses(output.resolve("sft/metrics.jsonl"));
        assertThat(losses).hasSizeGreaterThan(1);
        assertThat(losses.getLast()).isLessThan(0.9 * losses.getFirst());

        runPrintedCommands(cli.out());
        assertThat(output.resolve("dpo-logprobs.jsonl")).isRegularFile();
        assertThat(output.resolve("mmpo-lambda-2/final/model.safetensors")).isRegularFile();
    }

    private static List<Double> evaluationLosses(Path metrics) throws IOException {
        ObjectMapper json = new ObjectMapper();
        try (Stream<String> lines = Files.lines(metrics)) {
            return lines.map(line -> {
                        try {
                            return json.readTree(line).path("eval_loss");
                        } catch (IOException e) {
                            throw new AssertionError(line, e);
                        }
                    })
                    .filter(JsonNode::isNumber)
                    .map(JsonNode::asDouble)
                    .toList();
        }
    }

    private static void runPrintedCommands(String out) {
        List<String> commands =
                out.lines().filter(line -> line.startsWith("  ./mmpo ")).toList();
        assertThat(commands).hasSize(4);
        for (String command : commands) {
            Matcher words = Pattern.compile("\"([^\"]*)\"|(\\S+)")
                    .matcher(command.strip().substring("./mmpo ".length()));
            Cli.run(words.results()
                            .map(word -> word.group(1) == null ? word.group(2) : word.group(1))
                            .toArray())
                    .succeeds();
        }
    }

    @Test
    void aDirectoryWithOtherFilesIsRefused() throws IOException {
        Files.writeString(directory.resolve("thesis.txt"), "mine");
        Cli.run("quickstart", "--fast", "--output", directory)
                .failsWith(ExitCode.CONFIGURATION, directory.toString(), "is not empty");
        assertThat(directory.toFile().list()).containsExactly("thesis.txt");
    }

    @Test
    void aSeedThatIsNoNumberIsAUsageError() {
        Cli.run("quickstart", "--seed", "x").failsWith(ExitCode.CONFIGURATION, "--seed", "--help");
    }
}
