package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.mmpo.eval.judge.JudgeFile;
import io.mmpo.judge.JudgeServer;
import io.mmpo.judge.JudgeServer.Fault;
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

class EvalAlpacaJudgeCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ANSWERS = 30;
    private static final String GPT = JudgeFile.NAMES.get(0);
    private static final String CLAUDE = JudgeFile.NAMES.get(1);
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
                        .put("output", "The " + name + " says " + 2 * i + ".".repeat(i % (name.length())))
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
        words.addAll(List.of(more));
        return words.toArray();
    }

    private Path cache(String name) {
        return directory.resolve(name);
    }

    @Test
    void twoJudgesAreAskedAndAveraged() throws IOException {
        try (JudgeServer server = new JudgeServer(
                request -> switch (request % 10) {
                    case 3 -> Fault.UNAVAILABLE;
                    case 6 -> Fault.MALFORMED;
                    case 8 -> Fault.DROPPED;
                    default -> Fault.NONE;
                },
                0)) {
            Cli cli = Cli.run(words(GPT, "gpt.json", "--base-url", server.openAi(), "--cache", cache("replies")))
                    .succeeds();
            assertThat(cli.err()).contains("30 verdicts by probabilities, 0 by choice, 0 replies", "$0.0");
            Cli.run(words(CLAUDE, "claude.json", "--base-url", server.anthropic(), "--cache", cache("replies")))
                    .succeeds();
            assertThat(server.answered()).hasSize(2 * ANSWERS).doesNotHaveDuplicates();
            int asked = server.requests().size();
            Cli.run(words(GPT, "again.json", "--base-url", server.openAi(), "--cache", cache("replies")))
                    .succeeds();
            assertThat(server.requests()).hasSize(asked);
        }
        assertThat(directory.resolve("again.json")).hasSameBinaryContentAs(directory.resolve("gpt.json"));
        Cli score = Cli.run(
                        "eval",
                        "alpaca",
                        "score",
                        "--annotations",
                        directory.resolve("gpt.json"),
                        "--annotations",
                        directory.resolve("claude.json"),
                        "--output",
                        directory.resolve("score"))
                .succeeds();
        JsonNode json = JSON.readTree(directory.resolve("score/score.json").toFile());
        for (String rate : List.of("win_rate", "length_controlled_winrate")) {
            double mean = (json.path("judges").path(0).path(rate).doubleValue()
                            + json.path("judges").path(1).path(rate).doubleValue())
                    / 2;
            assertThat(json.path(rate).doubleValue()).isEqualTo(mean).isBetween(1.0, 99.0);
        }
        assertThat(json.path("judges").path(1).path("judge").textValue()).isEqualTo(CLAUDE);
        assertThat(score.out()).contains("model by " + GPT, "model by 2 judges: win-rate ");
        assertThat(Files.readAllLines(directory.resolve("score/leaderboard.csv")))
                .hasSize(4);
        Cli.run(
                        "eval",
                        "alpaca",
                        "score",
                        "--annotations",
                        directory.resolve("gpt.json"),
                        "--annotations",
                        directory.resolve("again.json"),
                        "--output",
                        directory.resolve("score"))
                .failsWith(ExitCode.DATA, GPT, "twice");
    }

    /** The key goes to the server and nowhere else. */
    @Test
    void aKilledCommandGoesOnAndLeavesTheSameBytes() throws Exception {
        try (JudgeServer server = new JudgeServer(request -> request == 2 ? Fault.RATE_LIMIT : Fault.NONE, 100)) {
            Object[] killed = words(
                    GPT,
                    "killed.json",
                    "--base-url",
                    server.openAi(),
                    "--api-key-env",
                    "A_KEY",
                    "--cache",
                    cache("replies"),
                    "--concurrency",
                    2);
            Process process = CliProcess.start(Map.of("A_KEY", KEY), killed);
            while (process.isAlive() && server.answered().size() < 8) {
                Thread.sleep(5);
            }
            process.destroyForcibly().waitFor();
            assertThat(directory.resolve("killed.json")).doesNotExist();
            int before = server.answered().size();
            Process second = CliProcess.start(Map.of("A_KEY", KEY), killed);
            String output = new String(second.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(second.waitFor()).as(output).isZero();
            assertThat(output).contains("of 30 questions were answered before").doesNotContain(KEY);
            // What was on its way at the kill is asked again; nothing that had arrived.
            assertThat(before).isLessThan(ANSWERS);
            assertThat(server.answered().size()).isBetween(ANSWERS, ANSWERS + 2);
            assertThat(server.requests())
                    .allSatisfy(request -> assertThat(request.key()).isEqualTo("Bearer " + KEY));
            Cli.run(words(GPT, "whole.json", "--base-url", server.openAi(), "--cache", cache("other")))
                    .succeeds();
        }
        assertThat(directory.resolve("killed.json")).hasSameBinaryContentAs(directory.resolve("whole.json"));
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertThat(Files.readString(file)).as("%s", file).doesNotContain(KEY);
            }
        }
    }

    @Test
    void whatItCostsIsSaidAndLimited() throws IOException {
        try (JudgeServer server = new JudgeServer(request -> Fault.NONE, 0)) {
            Object[] more = {"--base-url", server.anthropic(), "--cache", cache("replies")};
            Cli dry = Cli.run(words(
                            CLAUDE,
                            "x.json",
                            Stream.concat(Stream.of(more), Stream.of("--dry-run"))
                                    .toArray()))
                    .succeeds();
            assertThat(dry.out()).contains("30 of 30 verdicts are missing; they cost about $0.0");
            assertThat(server.requests()).isEmpty();
            // 400 tokens in and 4 out: $0.00042 each, and at most about $0.002 before its reply is there.
            Cli.run(words(
                            CLAUDE,
                            "x.json",
                            Stream.concat(Stream.of(more), Stream.of("--max-cost", "0.006"))
                                    .toArray()))
                    .failsWith(ExitCode.CONFIGURATION, "of 30 verdicts", "--max-cost 0.006", "goes on from here");
            assertThat(server.answered().size()).isBetween(5, 14);
            assertThat(directory.resolve("x.json")).doesNotExist();
        }
    }

    @Test
    void aModelInADirectoryJudgesToo() throws IOException {
        Path model = SharedFiles.path("models/stories260k");
        Cli.run(words(model.toString(), "local.json", "--limit", 3, "--cache", cache("replies"), "--device=cpu"))
                .succeeds();
        JsonNode verdicts = JSON.readTree(directory.resolve("local.json").toFile());
        assertThat(verdicts).hasSize(3).allSatisfy(verdict -> {
            assertThat(verdict.path("preference").doubleValue()).isBetween(1.0, 2.0);
            assertThat(verdict.path("annotator").asText()).isEqualTo("stories260k");
        });
    }

    @Test
    void saysWhatIsMissing() {
        Cli.run(words("no-such-judge", "x.json", "--cache", cache("replies")))
                .failsWith(ExitCode.CONFIGURATION, "no-such-judge", GPT, CLAUDE);
        Cli.run(words(GPT, "x.json", "--dry-run", "--cache", "/proc/none"))
                .failsWith(ExitCode.ENVIRONMENT, "replies cannot be kept in /proc/none", "--cache");
        Cli.run(words(GPT, "x.json", "--max-cost", "-1")).failsWith(ExitCode.CONFIGURATION, "--max-cost");
        Cli.run(words(
                        GPT,
                        "x.json",
                        "--base-url",
                        "http://localhost:1/v1",
                        "--max-retries",
                        0,
                        "--concurrency",
                        1,
                        "--cache",
                        cache("replies")))
                .failsWith(ExitCode.ENVIRONMENT, "instruction 1", "did not answer to the end", "goes on from here");
    }
}
