package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Architectures beside Llama, by the command line: shared/golden/models has transformers' numbers in float64. */
class GoldenModelsTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"llama_linear", "llama_yarn", "mistral_window", "qwen3", "smollm3"})
    void logprobsAreTransformers(String name) throws IOException {
        Path golden = SharedFiles.path("golden/models/" + name);
        JsonNode expected = JSON.readTree(golden.resolve("expected.json").toFile());
        List<JsonNode> found = logprobs("plain", golden, "--model", golden);
        assertThat(found).hasSize(expected.get("chosen_logps").size());
        for (int row = 0; row < found.size(); row++) {
            for (String side : List.of("chosen_logps", "rejected_logps")) {
                double wanted = expected.get(side).get(row).doubleValue();
                assertThat(found.get(row).get(side).doubleValue())
                        .as("%s of row %d", side, row)
                        .isCloseTo(wanted, within(1e-5 + 2e-6 * Math.abs(wanted)));
            }
        }
    }

    /** The six pairs in one micro-batch, the model its own reference; what is saved names the parts that it was loaded with. */
    @ParameterizedTest
    @ValueSource(strings = {"llama_linear", "llama_yarn", "mistral_window", "qwen3", "smollm3"})
    void gradientNormOfDpoIsTransformers(String name) throws IOException {
        Path golden = SharedFiles.path("golden/models/" + name);
        JsonNode expected = JSON.readTree(golden.resolve("expected.json").toFile());
        Path run = train(golden, "per_device_train_batch_size=6", "warmup_steps=0", "learning_rate=1e-4");
        JsonNode step = Cli.readJsonLines(run.resolve("metrics.jsonl")).getFirst();
        double norm = expected.get("dpo_grad_norm").doubleValue();
        assertThat(step.get("grad_norm").doubleValue()).isCloseTo(norm, within(1e-4 * norm));
        assertThat(step.get("loss").doubleValue()).isCloseTo(Math.log(2), within(1e-5));
        JsonNode before = JSON.readTree(golden.resolve("config.json").toFile());
        JsonNode after = JSON.readTree(run.resolve("final/config.json").toFile());
        before.properties().forEach(key -> {
            if (!key.getKey().contains("dtype")) {
                assertThat(after.get(key.getKey())).as(key.getKey()).isEqualTo(key.getValue());
            }
        });
        assertThat(logprobs("trained", golden, "--model", run.resolve("final"))).hasSize(6);
    }

    /** An adapter that was trained, beside its model and merged into it. */
    @ParameterizedTest
    @ValueSource(strings = {"mistral_window", "qwen3", "smollm3"})
    void aMergedAdapterComputesWhatItDidBesideItsModel(String name) throws IOException {
        Path golden = SharedFiles.path("golden/models/" + name);
        Path run = train(
                golden,
                "use_peft=true",
                "lora_r=4",
                "learning_rate=0.05",
                "warmup_steps=0",
                "max_steps=2",
                "bf16=false");
        Path adapter = run.resolve("final");
        Path merged = directory.resolve("merged");
        Cli.run("merge", "--model", golden, "--adapter", adapter, "--output", merged)
                .succeeds();
        List<JsonNode> beside = logprobs("beside", golden, "--model", golden, "--adapter", adapter);
        List<JsonNode> inside = logprobs("inside", golden, "--model", merged);
        List<JsonNode> before = logprobs("before", golden, "--model", golden);
        for (int row = 1; row < beside.size(); row++) {
            double wanted = beside.get(row).get("chosen_logps").doubleValue();
            assertThat(inside.get(row).get("chosen_logps").doubleValue())
                    .isCloseTo(wanted, within(2e-5 + 4e-6 * Math.abs(wanted)));
            assertThat(Math.abs(before.get(row).get("chosen_logps").doubleValue() - wanted))
                    .isGreaterThan(1e-3);
        }
    }

    private List<JsonNode> logprobs(String name, Path rows, Object... model) throws IOException {
        Path output = directory.resolve(name + ".jsonl");
        Object[] command = {"logprobs", "--data", rows.resolve("pairs.jsonl"), "--output", output};
        Object[] all = new Object[command.length + model.length];
        System.arraycopy(command, 0, all, 0, command.length);
        System.arraycopy(model, 0, all, command.length, model.length);
        Cli.run(all).succeeds();
        return Cli.readJsonLines(output);
    }

    private Path train(Path golden, String... settings) throws IOException {
        Path run = directory.resolve("run");
        Path config = Files.writeString(
                directory.resolve("c.yaml"), """
                model_name_or_path: %s
                dataset_name: %s
                output_dir: %s
                loss_type: dpo
                beta: 0.1
                bf16: false
                max_length: null
                max_steps: 1
                logging_steps: 1
                save_strategy: "no"
                """.formatted(golden, golden.resolve("pairs.jsonl"), run));
        Object[] command = new Object[settings.length + 2];
        command[0] = "train";
        command[1] = config;
        System.arraycopy(settings, 0, command, 2, settings.length);
        Cli.run(command).succeeds();
        return run;
    }
}
