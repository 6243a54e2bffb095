package io.mmpo.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A configuration that trains the tiny golden model, which has no tokenizer, on the golden run's tokenized rows. */
record TinyRun(Path directory, Path model, Path rows, Path config, Path output) {
    static TinyRun in(Path directory) {
        return with(directory, SharedFiles.path("golden/tiny_llama/tied"), "");
    }

    static TinyRun with(Path directory, Path model, String moreYaml) {
        try {
            List<String> lines = new ArrayList<>();
            for (JsonNode pair : SharedFiles.json("golden/training.json").get("pairs")) {
                lines.add(pair.toString());
            }
            Path rows = Files.write(directory.resolve("rows.jsonl"), lines);
            Path output = directory.resolve("run");
            String yaml = """
          model_name_or_path: %s
          dataset_name: %s
          output_dir: %s
          loss_type: dpo
          learning_rate: 5e-4
          per_device_train_batch_size: 4
          max_steps: 4
          logging_steps: 2
          save_strategy: no
          bf16: false
          %s
          """;
            Path config =
                    Files.writeString(directory.resolve("config.yaml"), yaml.formatted(model, rows, output, moreYaml));
            return new TinyRun(directory, model, rows, config, output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A copy of the tiny model that a test may spoil. */
    static Path copyOfModel(Path directory) throws IOException {
        Path copy = Files.createDirectories(directory.resolve("model"));
        for (String name : new String[] {"config.json", "model.safetensors"}) {
            Files.write(
                    copy.resolve(name),
                    Files.readAllBytes(
                            SharedFiles.path("golden/tiny_llama/tied").resolve(name)));
        }
        return copy;
    }

    Cli train(String... overrides) {
        List<Object> words = new ArrayList<>(List.of("train", config));
        words.addAll(List.of(overrides));
        return Cli.run(words.toArray());
    }
}
