package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogprobsCommandTest {
    @TempDir
    Path directory;

    /** golden/tiny_llama: 1e-5 a token, 5e-5 a sequence. */
    @Test
    void theTinyModelsGiveTransformersNumbers() throws IOException {
        JsonNode golden = SharedFiles.json("golden/tiny_llama/golden.json");
        List<String> pairs = new ArrayList<>();
        golden.get("pairs").forEach(pair -> pairs.add(pair.toString()));
        Path data = Files.write(directory.resolve("pairs.jsonl"), pairs);
        for (String name : List.of("tied", "untied_llama3_rope")) {
            JsonNode expected = golden.get("models").get(name).at("/full/float32");
            List<JsonNode> rows =
                    logprobs(SharedFiles.path("golden/tiny_llama/" + name), data, "--per-token", "--batch-size", "2");
            assertThat(rows).hasSize(3);
            for (int row = 0; row < 3; row++) {
                assertThat(rows.get(row).get("row").intValue()).isEqualTo(row);
                for (String part : List.of("chosen", "rejected")) {
                    JsonNode tokens = expected.get("tokens").get(row).get(part + "_token_logps");
                    assertThat(rows.get(row).get(part + "_tokens").intValue()).isEqualTo(tokens.size());
                    assertThat(doubles(rows.get(row).get(part + "_token_logps")))
                            .containsExactly(doubles(tokens), within(1e-5));
                    assertThat(rows.get(row).get(part + "_logps").doubleValue())
                            .isEqualTo(expected.get(part + "_logps").get(row).doubleValue(), within(5e-5));
                }
            }
        }
    }

    /** models/README: float64 on the bfloat16 weights, which float32 is to meet within 5e-5 a token and 5e-5·sqrt(tokens) a sum. */
    @Test
    void smolLm2GivesTransformersNumbersOnRealConversations() throws IOException {
        JsonNode golden =
                SharedFiles.json("models/smollm2-135m-instruct/golden.json").get("logprobs");
        for (String file : List.of("hh_harmless_test", "ultrafeedback_test")) {
            List<JsonNode> expected = new ArrayList<>();
            golden.forEach(row -> {
                if (row.get("file").textValue().equals(file) && expected.size() < 4) {
                    expected.add(row);
                }
            });
            List<String> lines = Files.readAllLines(SharedFiles.path("data/preference/" + file + ".jsonl"));
            Path data = Files.write(directory.resolve(file + ".jsonl"), lines.subList(0, expected.size()));
            List<JsonNode> rows = logprobs(SharedFiles.smolLm2(), data, "--per-token");
            assertThat(rows).hasSameSizeAs(expected);
            for (int row = 0; row < rows.size(); row++) {
                assertThat(rows.get(row).get("prompt_tokens"))
                        .isEqualTo(expected.get(row).get("prompt_tokens"));
                for (String part : List.of("chosen", "rejected")) {
                    checkPart(rows.get(row), expected.get(row), part);
                }
            }
        }
    }

    private static void checkPart(JsonNode row, JsonNode expected, String part) {
        int tokens = expected.get(part + "_tokens").intValue();
        assertThat(row.get(part + "_tokens").intValue()).isEqualTo(tokens);
        assertThat(row.get(part + "_logps").doubleValue())
                .isEqualTo(expected.get(part + "_logps").doubleValue(), within(5e-5 * Math.sqrt(tokens)));
        if (expected.has(part + "_token_logps")) {
            assertThat(doubles(row.get(part + "_token_logps")))
                    .containsExactly(doubles(expected.get(part + "_token_logps")), within(5e-5));
        }
    }

    private static final List<String> TWO_ROWS = List.of(
            "{\"prompt_ids\": [1], \"chosen_ids\": [2], \"rejected_ids\": [4]}",
            "{\"prompt_ids\": [1], \"chosen_ids\": [7], \"rejected_ids\": [4]}");

    /** Token 7 has the logit minus infinity: only the row that holds it has no number. Few readers take the text "NaN" for one. */
    @Test
    void whatIsNotFiniteIsNullAndCounted() throws IOException {
        Path model = modelWithHeadOfToken7(-Float.MAX_VALUE);
        Path data = Files.write(directory.resolve("rows.jsonl"), TWO_ROWS);
        Path output = directory.resolve("out.jsonl");
        Cli run = Cli.run("logprobs", "--model", model, "--data", data, "--output", output, "--per-token")
                .succeeds();
        assertThat(run.err())
                .contains("warning: 1 of 2 rows have a log-probability that is not a finite number, row 2 first");
        List<JsonNode> rows = Cli.readJsonLines(output);
        assertThat(rows.getFirst().get("chosen_logps").isNumber()).isTrue();
        assertThat(rows.getLast().get("chosen_logps").isNull()).isTrue();
        assertThat(rows.getLast().get("chosen_token_logps").get(0).isNull()).isTrue();
        assertThat(rows.getLast().get("rejected_logps").isNumber()).isTrue();
    }

    /** Its logit is infinity, and so is the sum that every token's probability is a part of. */
    @Test
    void aModelThatGivesNoNumberAtAllIsAnError() throws IOException {
        Path model = modelWithHeadOfToken7(Float.MAX_VALUE);
        Path data = Files.write(directory.resolve("rows.jsonl"), TWO_ROWS);
        Path output = directory.resolve("out.jsonl");
        Cli.run("logprobs", "--model", model, "--data", data, "--output", output)
                .failsWith(ExitCode.TRAINING, "none of the 2 rows of " + data, output + " was not written");
        assertThat(output).doesNotExist();
    }

    /** A copy of a tiny model: the logit of token 7 after token 1 is that value times 1.96 (the hidden state at 41), beyond float32. */
    private Path modelWithHeadOfToken7(float value) throws IOException {
        Path source = SharedFiles.path("golden/tiny_llama/untied_llama3_rope");
        Path model = Files.createDirectory(directory.resolve("spoilt"));
        Files.write(model.resolve("config.json"), Files.readAllBytes(source.resolve("config.json")));
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(source.resolve("model.safetensors")))
                .order(ByteOrder.LITTLE_ENDIAN);
        int headerBytes = Math.toIntExact(bytes.getLong(0));
        JsonNode head = new ObjectMapper()
                .readTree(new String(bytes.array(), Long.BYTES, headerBytes, StandardCharsets.UTF_8))
                .get("lm_head.weight");
        int width = head.at("/shape/1").intValue();
        int row = Long.BYTES + headerBytes + head.at("/data_offsets/0").intValue() + 7 * width * Float.BYTES;
        bytes.putFloat(row + 41 * Float.BYTES, value);
        Files.write(model.resolve("model.safetensors"), bytes.array());
        return model;
    }

    @Test
    void errorsOfTheCoreNameTheRow() throws IOException {
        Path data = Files.write(
                directory.resolve("rows.jsonl"),
                List.of(TWO_ROWS.getFirst(), "{\"prompt_ids\": [1], \"chosen_ids\": [999999], \"rejected_ids\": [4]}"));
        Cli.run(
                        "logprobs",
                        "--model",
                        SharedFiles.path("golden/tiny_llama/tied"),
                        "--data",
                        data,
                        "--output",
                        directory.resolve("out.jsonl"))
                .failsWith(ExitCode.DATA, "999999", "scoring rows 1, 2 of " + data);
    }

    private List<JsonNode> logprobs(Path model, Path data, String... more) throws IOException {
        Path output = directory.resolve("out.jsonl");
        List<Object> words = new ArrayList<>(List.of("logprobs", "--model", model, "--data", data, "--output", output));
        words.addAll(List.of(more));
        Cli.run(words.toArray()).succeeds();
        return Cli.readJsonLines(output);
    }

    private static double[] doubles(JsonNode array) {
        double[] values = new double[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).doubleValue();
        }
        return values;
    }
}
