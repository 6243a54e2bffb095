package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Checkpoints that people brought (shared/reports): transformers 5.18 in float32 gives these log-probabilities of the first row. */
class OddCheckpointsTest {
    private static final String MISTRAL = "reports/17-mistral-sliding-window/model";

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "02-tied-head-only/model | 02-tied-head-only | -27.92295 | -68.42146 | ",
                "22-config-extra-keys/automap | 02-tied-head-only | -27.92295 | -68.42146 | no effect: auto_map",
                "22-config-extra-keys/no_eps | 02-tied-head-only | -27.92319 | -68.42050 | ",
                "22-config-extra-keys/rope_linear | 02-tied-head-only | -39.25900 | -85.38781 | ",
                "26-odd-checkpoints/extra | 02-tied-head-only | -27.92295 | -68.42146 | 1 tensors belong to no parameter",
                "26-odd-checkpoints/shards_listed_head | 02-tied-head-only | -27.92295 | -68.42146 | disagree about 1 tensors",
                "17-mistral-sliding-window/model | 06-simpo-trl-config | -68.97295 | -49.88052 | ",
            })
    void givesTransformersNumbers(String model, String rows, double chosen, double rejected, String note)
            throws IOException {
        Path output = directory.resolve("out.jsonl");
        Cli run = Cli.run(
                        "logprobs",
                        "--model",
                        SharedFiles.path("reports/" + model),
                        "--data",
                        SharedFiles.path("reports/" + rows + "/rows.jsonl"),
                        "--output",
                        output)
                .succeeds();
        JsonNode first = Cli.readJsonLines(output).getFirst();
        assertThat(first.get("chosen_logps").doubleValue()).isCloseTo(chosen, within(1e-4));
        assertThat(first.get("rejected_logps").doubleValue()).isCloseTo(rejected, within(1e-4));
        if (note != null) {
            assertThat(run.err()).contains(note);
        }
    }

    @Test
    void aWindowThatNoRowReachesTrains() throws IOException {
        Path config = Files.writeString(directory.resolve("c.yaml"), """
                model_name_or_path: %s
                dataset_name: %s
                output_dir: %s
                loss_type: dpo
                max_length: 1024
                max_steps: 1
                save_strategy: "no"
                """.formatted(
                        SharedFiles.path(MISTRAL),
                        SharedFiles.path("reports/06-simpo-trl-config/rows.jsonl"),
                        directory.resolve("run")));
        Cli.run("train", config).succeeds();
    }

    /** Rows and answers longer than the window, by every command. */
    @Test
    void rowsBeyondTheWindowAreComputed() throws IOException {
        Path model = narrow(5);
        Path rows = Files.writeString(directory.resolve("rows.jsonl"), """
                {"prompt_ids": [1, 5], "chosen_ids": [7, 2], "rejected_ids": [9, 2]}
                {"prompt_ids": [1, 5, 6, 7, 8, 9], "chosen_ids": [7, 8, 9, 10, 11, 12, 2], "rejected_ids": [9, 2]}
                """);
        Path output = directory.resolve("out.jsonl");
        Cli.run("logprobs", "--model", model, "--data", rows, "--output", output)
                .succeeds();
        Cli.run(
                        "logprobs",
                        "--model",
                        SharedFiles.path(MISTRAL),
                        "--data",
                        rows,
                        "--output",
                        directory.resolve("wide.jsonl"))
                .succeeds();
        List<JsonNode> narrow = Cli.readJsonLines(output);
        List<JsonNode> wide = Cli.readJsonLines(directory.resolve("wide.jsonl"));
        assertThat(narrow.get(0)).isEqualTo(wide.get(0));
        assertThat(narrow.get(1).get("chosen_logps")).isNotEqualTo(wide.get(1).get("chosen_logps"));
        Path run = directory.resolve("run");
        Path config = Files.writeString(
                directory.resolve("c.yaml"),
                "model_name_or_path: %s\ndataset_name: %s\noutput_dir: %s\nloss_type: dpo\nper_device_train_batch_size: 1\n"
                        .formatted(model, rows, run));
        Cli.run("train", config).succeeds();
        Cli.run("generate", "--model", model, "--prompt", "Once upon a time", "--max-new-tokens", "40")
                .succeeds();
    }

    /** The report's model with another window. */
    private Path narrow(int window) throws IOException {
        Path model = Files.createDirectory(directory.resolve("model"));
        try (Stream<Path> files = Files.list(SharedFiles.path(MISTRAL))) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        Path config = model.resolve("config.json");
        String text = Files.readString(config);
        assertThat(text).contains("\"sliding_window\": 4096");
        Files.delete(config);
        Files.writeString(config, text.replace("\"sliding_window\": 4096", "\"sliding_window\": " + window));
        return model;
    }
}
