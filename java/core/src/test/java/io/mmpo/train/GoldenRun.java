package io.mmpo.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.SharedFiles;
import io.mmpo.config.TrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/** The 40-step runs of golden/training.json, which transformers and TRL made, as configurations of this trainer. */
final class GoldenRun {
    private static final ObjectMapper JSON = new ObjectMapper();

    private GoldenRun() {}

    static JsonNode golden() throws IOException {
        return SharedFiles.json("golden/training.json");
    }

    /** The pairs as a file of rows that come tokenized. */
    static Path writeRows(Path directory) throws IOException {
        List<String> lines = new ArrayList<>();
        for (JsonNode pair : golden().get("pairs")) {
            lines.add(JSON.writeValueAsString(pair));
        }
        return Files.write(directory.resolve("rows.jsonl"), lines);
    }

    /** The rows in the order that the fixture stores. */
    static IntFunction<RowOrder> storedOrder() throws IOException {
        int[] order = JSON.treeToValue(golden().get("order"), int[].class);
        return numRows -> epoch -> java.util.Arrays.copyOfRange(order, epoch * numRows, (epoch + 1) * numRows);
    }

    /** Keys of the fixture's hyperparameters; more wins over them. */
    static TrainingConfig config(Path rows, Path outputDir, Map<String, ?> more) {
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("model_name_or_path", SharedFiles.path("golden/tiny_llama/tied"));
        keys.put("dataset_name", rows);
        keys.put("output_dir", outputDir);
        keys.put("learning_rate", 5e-4);
        keys.put("lr_scheduler_type", "cosine");
        keys.put("warmup_steps", 4);
        keys.put("per_device_train_batch_size", 4);
        keys.put("gradient_accumulation_steps", 2);
        keys.put("num_train_epochs", 5);
        keys.put("bf16", false);
        keys.put("logging_steps", 1);
        keys.put("save_strategy", "no");
        keys.putAll(more);
        return TrainingConfig.of(keys);
    }

    /** Lines of metrics.jsonl that have the field. */
    static List<JsonNode> metrics(Path outputDir, String field) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(outputDir.resolve("metrics.jsonl"))) {
            JsonNode node = JSON.readTree(line);
            if (node.has(field)) {
                lines.add(node);
            }
        }
        return lines;
    }
}
