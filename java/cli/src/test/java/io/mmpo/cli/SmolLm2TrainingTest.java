package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The 135M model in bfloat16 on real pairs. */
class SmolLm2TrainingTest {
    @TempDir
    Path directory;

    /** gain: of the margin, which every loss measures in a unit of its own. */
    @ParameterizedTest
    @CsvSource({"dpo, 5e-5, 2, 0.5", "mmpo, 1e-5, 4, 0.5", "simpo, 1e-5, 4, 0.25"})
    void twentyStepsRaiseTheMargin(String loss, String learningRate, int batch, double gain) throws IOException {
        // four pairs, seen many times: what is measured is the update, not the luck of the rows
        List<String> pairs = Files.readAllLines(SharedFiles.path("data/preference/rasbt_politeness_train.jsonl"));
        Path rows = Files.write(directory.resolve("pairs.jsonl"), pairs.subList(0, 4));
        Path config = Files.writeString(directory.resolve("train.yaml"), """
                model_name_or_path: %s
                dataset_name: %s
                output_dir: %s
                loss_type: %s
                learning_rate: %s
                lr_scheduler_type: constant
                per_device_train_batch_size: %d
                max_steps: 20
                max_length: 128
                logging_steps: 4
                save_strategy: no
                """.formatted(
                        SharedFiles.smolLm2(), rows, directory.resolve("run"), loss, learningRate, batch));
        Cli.run("train", config).succeeds();
        List<Double> margins = new ArrayList<>();
        for (JsonNode metrics : Cli.readJsonLines(directory.resolve("run/metrics.jsonl"))) {
            if (metrics.has("rewards/margins")) {
                margins.add(metrics.get("rewards/margins").doubleValue());
            }
        }
        assertThat(margins).hasSize(5);
        assertThat(margins.getLast()).isGreaterThan(margins.getFirst() + gain);
        assertThat(directory.resolve("run/final").toFile().list())
                .contains(
                        "model.safetensors",
                        "config.json",
                        "generation_config.json",
                        "tokenizer.json",
                        "chat_template.jinja");
    }
}
