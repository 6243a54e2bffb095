package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalAlpacaGenerateCommandTest {
    @TempDir
    Path directory;

    private static List<Object> words(Path output, Object... more) {
        List<Object> words = new ArrayList<>(List.of("eval", "alpaca", "generate", "--device=cpu"));
        words.addAll(List.of("--model", SharedFiles.path("models/stories260k"), "--output", output));
        words.addAll(List.of("--data", SharedFiles.path("data/alpaca_eval/eval_set.jsonl")));
        words.addAll(List.of("--limit", 7, "--batch-size", 2));
        words.addAll(List.of(more));
        return words;
    }

    private static JsonNode read(Path file) throws IOException {
        return new ObjectMapper().readTree(file.toFile());
    }

    @Test
    void answersAreAsAlpacaEvalReadsThem() throws IOException {
        Path output = directory.resolve("outputs.json");
        Cli.run(words(output, "--max-new-tokens", 20).toArray()).succeeds();
        JsonNode answers = read(output);
        List<JsonNode> asked = Cli.readJsonLines(SharedFiles.path("data/alpaca_eval/eval_set.jsonl"));
        assertThat(answers).hasSize(7);
        for (int i = 0; i < 7; i++) {
            assertThat(answers.path(i).path("instruction"))
                    .isEqualTo(asked.get(i).path("instruction"));
            assertThat(answers.path(i).path("dataset")).isEqualTo(asked.get(i).path("dataset"));
            assertThat(answers.path(i).path("generator").asText()).isEqualTo("stories260k");
            assertThat(answers.path(i).path("output").asText()).isNotBlank();
        }
        Path again = directory.resolve("again.json");
        Cli.run(words(again, "--max-new-tokens", 20).toArray()).succeeds();
        assertThat(again).hasSameBinaryContentAs(output);
        assertThat(directory).isDirectoryNotContaining("glob:**.unfinished");
    }

    @Test
    void noAnswerDependsOnTheBatchSize() {
        Path one = directory.resolve("one.json");
        Path all = directory.resolve("all.json");
        Map.of(one, 1, all, 32).forEach((output, batchSize) -> {
            List<Object> words = words(output, "--max-new-tokens", 40, "--temperature", 1);
            words.set(words.indexOf("--batch-size") + 1, batchSize);
            Cli.run(words.toArray()).succeeds();
        });
        assertThat(all).hasSameBinaryContentAs(one);
    }

    /** Greedy answers are those of mmpo generate, whatever shares the batch. */
    @Test
    void aGreedyAnswerDoesNotDependOnTheOthers() throws IOException {
        Path output = directory.resolve("outputs.json");
        Cli.run(words(output, "--max-new-tokens", 20, "--temperature", 0).toArray())
                .succeeds();
        String instruction = read(output).path(3).path("instruction").asText();
        Cli alone = Cli.run(
                        "generate",
                        "--device=cpu",
                        "--model",
                        SharedFiles.path("models/stories260k"),
                        "--prompt",
                        instruction,
                        "--max-new-tokens",
                        20)
                .succeeds();
        assertThat(alone.out().strip())
                .isEqualTo(read(output).path(3).path("output").asText().strip());
    }

    @Test
    void aKilledCommandGoesOnAndLeavesTheSameBytes() throws Exception {
        Path whole = directory.resolve("whole.json");
        Cli.run(words(whole, "--max-new-tokens", 300).toArray()).succeeds();
        Path killed = directory.resolve("killed.json");
        Path journal = directory.resolve("killed.json.unfinished/answers.jsonl");
        Process process =
                CliProcess.start(words(killed, "--max-new-tokens", 300).toArray());
        while (process.isAlive()
                && (!Files.exists(journal) || Files.readAllLines(journal).size() < 3)) {
            Thread.sleep(2);
        }
        process.destroyForcibly().waitFor();
        assertThat(killed).doesNotExist();
        Cli cli = Cli.run(words(killed, "--max-new-tokens", 300).toArray()).succeeds();
        assertThat(cli.err()).contains("of 7 questions were answered before");
        assertThat(killed).hasSameBinaryContentAs(whole);
        assertThat(directory).isDirectoryNotContaining("glob:**.unfinished");
    }

    @Test
    void aRowWithoutAnInstructionIsNamed() throws IOException {
        Path rows =
                Files.writeString(directory.resolve("rows.jsonl"), "{\"instruction\": \"a\"}\n{\"prompt\": \"b\"}\n");
        Cli.run(
                        "eval",
                        "alpaca",
                        "generate",
                        "--model",
                        SharedFiles.path("models/stories260k"),
                        "--data",
                        rows,
                        "--output",
                        directory.resolve("x.json"))
                .failsWith(ExitCode.DATA, "rows.jsonl, line 2", "instruction");
    }
}
