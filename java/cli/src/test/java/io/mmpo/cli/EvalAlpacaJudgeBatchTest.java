package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.mmpo.eval.judge.JudgeFile;
import io.mmpo.judge.BatchServer;
import io.mmpo.judge.JudgeServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EvalAlpacaJudgeBatchTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ANSWERS = 20;
    private static final String KEY = "sk-a-secret-of-the-test";

    @TempDir
    Path directory;

    @BeforeEach
    void writeAnswers() throws IOException {
        for (String name : List.of("model", "baseline")) {
            ArrayNode rows = JSON.createArrayNode();
            for (int i = 0; i < ANSWERS; i++) {
                rows.addObject()
                        .put("instruction", "What is " + i + " and " + i + "?")
                        .put("output", "The " + name + " says " + 2 * i)
                        .put("generator", name);
            }
            JSON.writeValue(directory.resolve(name + ".json").toFile(), rows);
        }
    }

    private Object[] words(String judge, String output, Object... more) {
        List<Object> words = new ArrayList<>(List.of("eval", "alpaca", "judge", "--judge", judge));
        words.addAll(List.of("--outputs", directory.resolve("model.json")));
        words.addAll(List.of("--baseline", directory.resolve("baseline.json")));
        words.addAll(List.of("--output", directory.resolve(output)));
        words.addAll(List.of("--cache", directory.resolve("replies")));
        words.addAll(List.of(more));
        return words.toArray();
    }

    /** kill -9 while the batch is out; the same command takes it up. The key goes to the server and nowhere else. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aKilledCommandTakesUpItsBatchAndLeavesTheSameBytes(int name) throws Exception {
        String judge = JudgeFile.NAMES.get(name);
        try (BatchServer server = new BatchServer();
                JudgeServer other = new JudgeServer(request -> JudgeServer.Fault.NONE, 0)) {
            server.polls = 2;
            String url = name == 0 ? server.openAi() : server.anthropic();
            Object[] words = words(judge, "batch.json", "--batch", "--base-url", url, "--api-key-env", "A_KEY");
            Process killed = CliProcess.start(Map.of("A_KEY", KEY), words);
            while (killed.isAlive() && server.count("status") == 0) {
                Thread.sleep(5);
            }
            killed.destroyForcibly().waitFor();
            assertThat(directory.resolve("batch.json")).doesNotExist();
            Cli dry = Cli.run(words(judge, "x.json", "--base-url", url, "--api-key-env", "A_KEY", "--dry-run"))
                    .succeeds();
            assertThat(dry.out()).contains("20 of 20 verdicts are missing, and 20 of these are out in a batch");
            Process second = CliProcess.start(Map.of("A_KEY", KEY), words);
            String said = new String(second.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(second.waitFor()).as(said).isZero();
            assertThat(said).contains("batch batch-0 of 20 questions taken up").doesNotContain(KEY);
            assertThat(server.created()).isEqualTo(1);
            assertThat(server.charged()).hasSize(ANSWERS).doesNotHaveDuplicates();
            assertThat(server.keys()).containsOnly("Bearer " + KEY);
            Cli.run(words(judge, "whole.json", "--base-url", name == 0 ? other.openAi() : other.anthropic()))
                    .succeeds();
        }
        assertThat(directory.resolve("batch.json")).hasSameBinaryContentAs(directory.resolve("whole.json"));
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertThat(Files.readString(file)).as("%s", file).doesNotContain(KEY);
            }
        }
    }

    @Test
    void whatItCostsIsSaidAndLimited() throws IOException {
        String judge = JudgeFile.NAMES.get(2);
        try (BatchServer server = new BatchServer()) {
            Object[] alone = words(judge, "x.json", "--base-url", server.openAi(), "--dry-run");
            Object[] batch = words(judge, "x.json", "--base-url", server.openAi(), "--dry-run", "--batch");
            double most = most(Cli.run(alone).succeeds().out());
            Cli dry = Cli.run(batch).succeeds();
            assertThat(dry.out()).contains("20 of 20 verdicts are missing", " in batches");
            assertThat(most(dry.out())).isBetween(most / 2 - 0.011, most / 2 + 0.011);
            Cli.run(words(judge, "x.json", "--base-url", server.openAi(), "--batch", "--max-cost", "0.01"))
                    .failsWith(
                            ExitCode.CONFIGURATION,
                            "0 of 20 verdicts are there",
                            "a batch of the others might cost $0.",
                            "--max-cost 0.01",
                            "goes on from here");
            assertThat(server.keys()).isEmpty();
            assertThat(directory.resolve("x.json")).doesNotExist();
        }
    }

    private static double most(String said) {
        return Double.parseDouble(said.replaceAll("(?s).*at most \\$([0-9.]+).*", "$1"));
    }

    @Test
    void whoHasNoBatchesSaysSo() throws IOException {
        try (BatchServer server = new BatchServer()) {
            server.isAbsent = true;
            Cli.run(words(JudgeFile.NAMES.get(1), "x.json", "--batch", "--base-url", server.anthropic()))
                    .failsWith(ExitCode.CONFIGURATION, "404", "Give the command without --batch");
        }
        Path model = SharedFiles.path("models/stories260k");
        Cli.run(words(model.toString(), "x.json", "--batch", "--limit", 3, "--device=cpu"))
                .failsWith(ExitCode.CONFIGURATION, "stories260k judges in this process", "without --batch");
    }
}
