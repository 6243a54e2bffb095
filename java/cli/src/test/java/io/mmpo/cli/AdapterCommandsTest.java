package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole road of an adapter on the command line: trained, scored with, generated with, merged. */
class AdapterCommandsTest {
    @TempDir
    Path directory;

    private Path model;
    private Path adapter;
    private Path data;

    @BeforeEach
    void train() throws IOException {
        model = SharedFiles.path("models/stories260k");
        data = Files.writeString(directory.resolve("rows.jsonl"), """
                {"prompt": "Once upon a time", "chosen": " there was a dog.", "rejected": " a cat slept."}
                {"prompt": "The boy", "chosen": " ran home.", "rejected": " fell down and cried."}
                """);
        Cli cli = TinyRun.with(
                        Files.createDirectory(directory.resolve("work")),
                        model,
                        "use_peft: true\nlora_r: 4\nlora_target_modules: [q_proj, up_proj, down_proj]")
                .train("dataset_name=" + data, "learning_rate=0.02", "per_device_train_batch_size=2")
                .succeeds();
        adapter = directory.resolve("work/run/final");
        assertThat(cli.err()).contains("trainable parameters: ").contains("LoRA: r 4");
        assertThat(adapter.toFile().list())
                .contains("adapter_model.safetensors", "adapter_config.json", "tokenizer.json")
                .doesNotContain("model.safetensors", "config.json");
    }

    @Test
    void anAdapterIsComputedWithAndMerged() throws IOException {
        List<JsonNode> base = logprobs("base", "--model", model);
        List<JsonNode> alone = logprobs("alone", "--model", adapter);
        List<JsonNode> together = logprobs("together", "--model", model, "--adapter", adapter);
        assertThat(together).isEqualTo(alone);
        Path merged = directory.resolve("merged");
        assertThat(Cli.run("merge", "--model", model, "--adapter", adapter, "--output", merged)
                        .succeeds()
                        .out())
                .startsWith("15 weights merged into " + merged);
        List<JsonNode> one = logprobs("one", "--model", merged);
        for (int row = 0; row < 2; row++) {
            double expected = alone.get(row).get("chosen_logps").doubleValue();
            assertThat(one.get(row).get("chosen_logps").doubleValue()).isEqualTo(expected, within(5e-4));
            assertThat(base.get(row).get("chosen_logps").doubleValue()).isNotCloseTo(expected, within(0.1));
        }
        String answer = generate("--model", merged);
        assertThat(generate("--model", adapter)).isEqualTo(answer);
        assertThat(generate("--model", model, "--adapter", adapter)).isEqualTo(answer);
        assertThat(generate("--model", model)).isNotEqualTo(answer);
        for (String name : new String[] {"config.json", "tokenizer.json", "tokenizer_config.json"}) {
            assertThat(merged.resolve(name)).hasSameBinaryContentAs(model.resolve(name));
        }
        Cli.run("merge", "--model", model, "--adapter", adapter, "--output", merged)
                .failsWith(ExitCode.CONFIGURATION, "exists already");
    }

    @Test
    void whatIsWrongIsSaid() throws IOException {
        Path output = directory.resolve("merged");
        Cli.run("merge", "--model", model, "--adapter", model, "--output", output)
                .failsWith(ExitCode.DATA, "adapter_config.json");
        Cli.run("merge", "--model", adapter, "--adapter", adapter, "--output", output)
                .failsWith(ExitCode.CONFIGURATION, "is an adapter itself");
        Cli.run("merge", "--model", model, "--adapter", adapter, "--output", output, "--tolerance", "1e-12")
                .failsWith(ExitCode.ENVIRONMENT, "nothing was written");
        Cli.run(
                        "merge",
                        "--model",
                        SharedFiles.path("golden/tiny_llama/tied"),
                        "--adapter",
                        adapter,
                        "--output",
                        output)
                .failsWith(ExitCode.DATA, "Use the model that the adapter was trained on");
        assertThat(output).doesNotExist();
        Path config = adapter.resolve("adapter_config.json");
        Files.writeString(config, Files.readString(config).replace("\"use_dora\" : false", "\"use_dora\" : true"));
        Cli.run("generate", "--model", adapter, "--prompt", "Once").failsWith(ExitCode.DATA, "\"use_dora\"");
    }

    private List<JsonNode> logprobs(String name, Object... arguments) throws IOException {
        Path output = directory.resolve(name + ".jsonl");
        Cli.run(words("logprobs", arguments, "--data", data, "--output", output))
                .succeeds();
        return Cli.readJsonLines(output);
    }

    private static String generate(Object... arguments) {
        return Cli.run(words("generate", arguments, "--prompt", "Once upon a time", "--max-new-tokens", 24))
                .succeeds()
                .out();
    }

    private static Object[] words(String command, Object[] arguments, Object... more) {
        Object[] words = new Object[1 + arguments.length + more.length];
        words[0] = command;
        System.arraycopy(arguments, 0, words, 1, arguments.length);
        System.arraycopy(more, 0, words, 1 + arguments.length, more.length);
        return words;
    }
}
