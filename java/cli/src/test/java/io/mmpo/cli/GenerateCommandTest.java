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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GenerateCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory;

    @Test
    void storiesContinuesAsTransformersDoes() throws IOException {
        JsonNode golden = SharedFiles.json("models/stories260k/golden.json").get("greedy");
        String text = Cli.run(
                        "generate",
                        "--model",
                        SharedFiles.path("models/stories260k"),
                        "--prompt",
                        golden.get("prompt").textValue(),
                        "--max-new-tokens",
                        golden.get("max_new_tokens").intValue())
                .succeeds()
                .out();
        assertThat(golden.get("text").textValue()).endsWith(text.strip());
        List<JsonNode> rows =
                generate(SharedFiles.path("models/stories260k"), List.of("Once upon a time"), "--max-new-tokens", "64");
        assertThat(rows.getFirst().get("token_ids")).isEqualTo(golden.get("generated_ids"));
        assertThat(rows.getFirst().get("finish_reason").textValue()).isEqualTo("length");
        assertThat(rows.getFirst().get("prompt").textValue()).isEqualTo("Once upon a time");
    }

    @Test
    void aPromptLongerThanTheModelsPositionsIsAnsweredWithALine() {
        Cli run = Cli.run(
                        "generate",
                        "--model",
                        SharedFiles.path("models/stories260k"),
                        "--prompt",
                        "Once upon a time ".repeat(200),
                        "--max-new-tokens",
                        "3")
                .succeeds();
        assertThat(run.err()).contains("longer than the 512 positions of the model (max_position_embeddings)");
    }

    @Test
    void drawsAreRepeatableAndDifferFromRowToRow() throws IOException {
        List<String> prompts = List.of("Once upon a time", "Once upon a time", "Once upon a time");
        String[] sampling = {
            "--temperature", "1", "--top-p", "0.9", "--top-k", "50", "--seed", "3", "--max-new-tokens", "20"
        };
        List<JsonNode> rows = generate(SharedFiles.path("models/stories260k"), prompts, sampling);
        assertThat(generate(SharedFiles.path("models/stories260k"), prompts, sampling))
                .isEqualTo(rows);
        assertThat(rows.stream().map(row -> row.get("token_ids")).distinct()).hasSize(3);
    }

    /** Texts of several lengths, whose prompts have beginnings in common, in the order of the file. */
    @ParameterizedTest
    @ValueSource(strings = {"0", "1.3"})
    void noAnswerDependsOnTheBatchSize(String temperature) throws IOException {
        List<String> prompts = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            prompts.add("Once upon a time, " + "there was a little girl. ".repeat(i % 5) + "Her name was "
                    + (char) ('A' + i % 26));
        }
        String[] sampling = {
            "--temperature",
            temperature,
            "--top-p",
            "0.95",
            "--seed",
            "3",
            "--max-new-tokens",
            "150",
            "--batch-size",
            ""
        };
        List<List<JsonNode>> answers = new ArrayList<>();
        for (String batchSize : List.of("1", "7", "32")) {
            sampling[sampling.length - 1] = batchSize;
            answers.add(generate(SharedFiles.path("models/stories260k"), prompts, sampling));
        }
        assertThat(answers.get(1)).isEqualTo(answers.getFirst());
        assertThat(answers.get(2)).isEqualTo(answers.getFirst());
        assertThat(answers.getFirst().stream().map(row -> row.get("prompt").textValue()))
                .containsExactlyElementsOf(prompts);
    }

    @Test
    void smolLm2AnswersAsTransformersDoes() throws IOException {
        JsonNode golden =
                SharedFiles.json("models/smollm2-135m-instruct/golden.json").get("greedy");
        List<String> prompts = new ArrayList<>();
        golden.forEach(row -> prompts.add(row.get("prompt").textValue()));
        List<JsonNode> rows = generate(SharedFiles.smolLm2(), prompts, "--max-new-tokens", "64");
        assertThat(rows).hasSameSizeAs(golden);
        for (int i = 0; i < rows.size(); i++) {
            assertThat(rows.get(i).get("token_ids")).isEqualTo(golden.get(i).get("generated_ids"));
            assertThat(rows.get(i).get("text")).isEqualTo(golden.get(i).get("text"));
            boolean stopped = golden.get(i).get("generated_ids").size() < 64;
            assertThat(rows.get(i).get("finish_reason").textValue()).isEqualTo(stopped ? "stop" : "length");
        }
    }

    private List<JsonNode> generate(Path model, List<String> prompts, String... more) throws IOException {
        List<String> lines = new ArrayList<>();
        for (String prompt : prompts) {
            lines.add(JSON.writeValueAsString(Map.of("prompt", prompt)));
        }
        Path data = Files.write(directory.resolve("prompts.jsonl"), lines);
        Path output = directory.resolve("answers.jsonl");
        List<Object> words = new ArrayList<>(List.of("generate", "--model", model, "--data", data, "--output", output));
        words.addAll(List.of(more));
        Cli.run(words.toArray()).succeeds();
        return Cli.readJsonLines(output);
    }
}
