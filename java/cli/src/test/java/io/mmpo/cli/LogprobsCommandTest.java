package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
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
