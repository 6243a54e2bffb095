package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The 135M model in bfloat16 on real rows. */
class SmolLm2TrainingTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory;

    /** gain: of the margin, which every loss measures in a unit of its own. */
    @ParameterizedTest
    @CsvSource({"dpo, 0.1, 5e-5, 2, 0.5", "mmpo, 0.01, 1e-5, 4, 0.5", "simpo, 2.5, 1e-5, 4, 0.25"})
    void twentyStepsRaiseTheMargin(String loss, double beta, String learningRate, int batch, double gain)
            throws IOException {
        // four pairs, seen many times: what is measured is the update, not the luck of the rows
        List<String> pairs = Files.readAllLines(SharedFiles.path("data/preference/rasbt_politeness_train.jsonl"));
        Path rows = Files.write(directory.resolve("pairs.jsonl"), pairs.subList(0, 4));
        Path config = Files.writeString(directory.resolve("train.yaml"), """
                model_name_or_path: %s
                dataset_name: %s
                output_dir: %s
                loss_type: %s
                beta: %s
                learning_rate: %s
                lr_scheduler_type: constant
                per_device_train_batch_size: %d
                max_steps: 20
                max_length: 128
                logging_steps: 4
                save_strategy: no
                """.formatted(
                        SharedFiles.smolLm2(), rows, directory.resolve("run"), loss, beta, learningRate, batch));
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

    @Test
    void supervisedFineTuningLowersTheHeldOutLossOfConversations() throws IOException {
        Path config = Files.writeString(directory.resolve("sft.yaml"), """
                model_name_or_path: %s
                dataset_name: %s
                eval_dataset_name: %s
                output_dir: %s
                loss_type: sft
                learning_rate: 5e-5
                lr_scheduler_type: constant_with_warmup
                warmup_steps: 1
                per_device_train_batch_size: 8
                per_device_eval_batch_size: 8
                max_steps: 7
                max_length: 128
                eval_strategy: steps
                eval_steps: 1
                save_strategy: no
                """.formatted(
                        SharedFiles.smolLm2(),
                        conversations("hh_harmless_train", 48),
                        conversations("hh_harmless_test", 16),
                        directory.resolve("run")));
        Cli.run("train", config).succeeds();
        List<Double> losses = new ArrayList<>();
        for (JsonNode metrics : Cli.readJsonLines(directory.resolve("run/metrics.jsonl"))) {
            if (metrics.has("eval_loss")) {
                losses.add(metrics.get("eval_loss").doubleValue());
            }
        }
        assertThat(losses).hasSize(7);
        // the warm-up's first step has the rate 0, so the first loss is that of the model as it came
        assertThat(losses.getLast()).isLessThan(losses.getFirst() - 0.1);
    }

    /** The first rows of a file as conversations that end in the chosen answer. */
    private Path conversations(String name, int count) throws IOException {
        List<String> lines = new ArrayList<>();
        for (JsonNode row : Cli.readJsonLines(SharedFiles.path("data/preference/" + name + ".jsonl"))
                .subList(0, count)) {
            ArrayNode messages = JSON.createArrayNode();
            row.get("prompt").forEach(messages::add);
            row.get("chosen").forEach(messages::add);
            lines.add(JSON.createObjectNode().set("messages", messages).toString());
        }
        return Files.write(directory.resolve(name + ".jsonl"), lines);
    }
}
