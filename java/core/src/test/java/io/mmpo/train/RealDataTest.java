package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.SharedFiles;
import io.mmpo.config.TrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A real model on real pairs: text, a chat template, truncation, tokenizer, all of the road. */
class RealDataTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({"mmpo, 5e-4", "dpo, 5e-4", "simpo, 1e-4"})
    void theSmallModelLearnsTheChosenAnswersOfPolitenessPairs(String loss, double learningRate) throws IOException {
        Path template = Files.writeString(
                directory.resolve("template.jinja"),
                "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}"
                        + "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}");
        Map<String, Object> keys = new HashMap<>(Map.of(
                "model_name_or_path",
                SharedFiles.path("models/stories260k"),
                "dataset_name",
                SharedFiles.path("data/preference/rasbt_politeness_train.jsonl"),
                "eval_dataset_name",
                SharedFiles.path("data/preference/rasbt_politeness_test.jsonl"),
                "eval_strategy",
                "steps",
                "chat_template_path",
                template,
                "max_length",
                256,
                "loss_type",
                loss,
                "learning_rate",
                learningRate));
        keys.putAll(Map.of(
                "max_steps",
                200,
                "eval_steps",
                100,
                "logging_steps",
                50,
                "warmup_ratio",
                0.1,
                "lr_scheduler_type",
                "cosine",
                "bf16",
                false,
                "save_strategy",
                "no",
                "output_dir",
                directory.resolve("run")));
        Trainer.run(TrainingConfig.of(keys), ProgressListener.silent());
        List<JsonNode> lines = GoldenRun.metrics(directory.resolve("run"), "loss");
        assertThat(lines).hasSize(4);
        assertThat(number(lines.getLast(), "loss")).isLessThan(number(lines.getFirst(), "loss"));
        List<JsonNode> evaluations = GoldenRun.metrics(directory.resolve("run"), "eval_loss");
        JsonNode before = evaluations.getFirst();
        JsonNode after = evaluations.getLast();
        if (loss.equals("mmpo")) { // trains on the chosen response alone
            assertThat(number(after, "eval_logps/chosen")).isGreaterThan(number(before, "eval_logps/chosen"));
        } else {
            assertThat(number(after, "eval_rewards/accuracies")).isGreaterThan(0.7);
        }
    }

    private static double number(JsonNode line, String name) {
        return line.get(name).doubleValue();
    }
}
