package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.config.TrainingConfig;
import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.EvaluationListener;
import io.mmpo.eval.lm.LmEvaluation;
import io.mmpo.eval.lm.LmSettings;
import io.mmpo.infer.OpenModel;
import io.mmpo.model.ModelSource;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests of ability that a run takes: its scores are those of mmpo eval lm on its checkpoints, and a break changes none. */
class TaskEvaluatorTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int QUESTIONS = 12;

    @TempDir
    Path directory;

    private Path rows;
    private final List<String> messages = new ArrayList<>();

    @BeforeEach
    void writeRows() throws IOException {
        List<String> lines = new ArrayList<>();
        for (String animal : List.of("cat", "dog", "bird", "fish", "frog", "bear", "duck", "fox")) {
            lines.add(JSON.writeValueAsString(Map.of(
                    "prompt", "Once upon a time there was a " + animal,
                    "chosen", ". It was happy and it liked to play.",
                    "rejected", " the the the the.")));
        }
        rows = Files.write(directory.resolve("rows.jsonl"), lines);
    }

    private TrainingConfig config(String output, Map<String, ?> more) {
        Map<String, Object> keys = new HashMap<>();
        keys.put("model_name_or_path", SharedFiles.path("models/stories260k"));
        keys.put("dataset_name", rows);
        keys.put("output_dir", directory.resolve(output));
        keys.putAll(Map.of("loss_type", "dpo", "max_steps", 4, "per_device_train_batch_size", 4, "bf16", false));
        keys.putAll(Map.of("learning_rate", 1e-3, "logging_steps", 1, "device", "cpu"));
        keys.putAll(Map.of("eval_strategy", "steps", "eval_steps", 2, "save_strategy", "steps", "save_steps", 2));
        keys.putAll(Map.of("eval_tasks", "arc_easy, piqa", "eval_tasks_limit", QUESTIONS));
        keys.put("eval_tasks_data", SharedFiles.path("data/lm_eval"));
        keys.putAll(more);
        return TrainingConfig.of(keys);
    }

    private List<JsonNode> scores(String output) throws IOException {
        return GoldenRun.metrics(directory.resolve(output), "eval_tasks/mean");
    }

    @Test
    void scoresAreThoseOfTheCheckpoint() throws IOException {
        Trainer.run(config("run", Map.of("eval_on_start", true)), ProgressListener.silent());
        List<JsonNode> lines = scores("run");
        assertThat(lines).extracting(line -> line.path("step").intValue()).containsExactly(0, 2, 4);
        Path asked = directory.resolve("run/eval_tasks/checkpoint-2");
        Path again = directory.resolve("again");
        evaluate(directory.resolve("run/checkpoint-2"), again);
        assertThat(results(asked)).isEqualTo(results(again));
        assertThat(asked.resolve("samples_piqa.jsonl")).hasSameBinaryContentAs(again.resolve("samples_piqa.jsonl"));
        double accuracy = results(again).path("arc_easy").path("acc,none").doubleValue();
        assertThat(lines.get(1).path("eval_tasks/arc_easy/acc").doubleValue()).isEqualTo(accuracy);
        double other = results(again).path("piqa").path("acc,none").doubleValue();
        assertThat(lines.get(1).path("eval_tasks/mean").doubleValue()).isEqualTo((accuracy + other) / 2);
        assertThat(Files.readString(asked.resolve("samples_piqa.jsonl")))
                .as("the model learns between")
                .isNotEqualTo(Files.readString(directory.resolve("run/eval_tasks/checkpoint-0/samples_piqa.jsonl")));
    }

    private static void evaluate(Path model, Path output) {
        ModelSource source = ModelSource.of(model, UnaryOperator.identity());
        try (OpenModel open = OpenModel.open(source, Optional.empty(), ComputeType.FLOAT32, Device.CPU)) {
            LmSettings settings = new LmSettings(
                    List.of("arc_easy", "piqa"),
                    SharedFiles.path("data/lm_eval"),
                    output,
                    OptionalInt.of(QUESTIONS),
                    OptionalInt.empty(),
                    false,
                    5);
            assertThat(LmEvaluation.prepare(settings).run(EvaluatedModel.of(open, "cpu"), new Silent()))
                    .isPresent();
        }
    }

    private record Silent() implements EvaluationListener {
        @Override
        public void message(String line) {}

        @Override
        public void started(String part, int done, int total) {}

        @Override
        public void advanced(int done) {}

        @Override
        public void finished() {}

        @Override
        public boolean stopRequested() {
            return false;
        }
    }

    private static JsonNode results(Path output) throws IOException {
        return JSON.readTree(output.resolve("results.json").toFile()).path("results");
    }

    /** Stopped within the first task after step 2: a run that goes on asks anew, before its next step. */
    @Test
    void aRunThatWasStoppedWhileItAskedAsksFirstWhenItGoesOn() throws IOException {
        Trainer.run(config("whole", Map.of()), ProgressListener.silent());
        Trainer.run(config("broken", Map.of()), new StopWhileAsked());
        assertThat(scores("broken")).isEmpty();
        assertThat(directory.resolve("broken/checkpoint-2")).isDirectory();
        Trainer.run(config("broken", Map.of("resume_from_checkpoint", true)), new StopAfter(-1, messages));
        List<String> names = List.of("step", "eval_tasks/arc_easy/acc", "eval_tasks/piqa/acc_norm", "eval_tasks/mean");
        assertThat(scores("broken").stream().map(line -> of(line, names)).toList())
                .hasSize(2)
                .isEqualTo(scores("whole").stream().map(line -> of(line, names)).toList());
        assertThat(directory.resolve("broken/final/model.safetensors"))
                .hasSameBinaryContentAs(directory.resolve("whole/final/model.safetensors"));
    }

    private static List<String> of(JsonNode line, List<String> names) {
        return names.stream().map(name -> line.path(name).asText()).toList();
    }

    /** Asks to stop once an evaluation has begun. */
    private static final class StopWhileAsked implements ProgressListener {
        private boolean stop;

        @Override
        public void started(Phase phase, long done, long total) {
            stop |= phase == Phase.EVALUATION;
        }

        @Override
        public boolean stopRequested() {
            return stop;
        }
    }

    @Test
    void theBestCheckpointIsThatOfTheScoreThatIsNamed() throws IOException {
        Map<String, Object> keys = Map.of(
                "load_best_model_at_end", true, "metric_for_best_model", "tasks/piqa/acc", "greater_is_better", true);
        Trainer.run(config("best", keys), new StopAfter(-1, messages));
        List<JsonNode> lines = scores("best");
        String name = "eval_tasks/piqa/acc";
        boolean second =
                lines.get(1).path(name).doubleValue() > lines.get(0).path(name).doubleValue();
        assertThat(directory.resolve("best/final/model.safetensors"))
                .hasSameBinaryContentAs(
                        directory.resolve("best/checkpoint-" + (second ? 4 : 2) + "/model.safetensors"));
        assertThat(messages).anyMatch(line -> line.startsWith("final is checkpoint-") && line.contains(name));
    }

    @Test
    void whatCannotBeAskedIsSaidBeforeAnythingIsComputed() {
        assertRefused(Map.of("eval_tasks", "arc_hard"), "arc_hard");
        assertRefused(Map.of("eval_tasks_data", directory), "arc_easy");
        assertRefused(Map.of("eval_strategy", "no"), "eval_strategy");
        assertRefused(
                Map.of("metric_for_best_model", "tasks/piqa/acc", "eval_tasks", List.of()), "metric_for_best_model");
        assertThat(directory.resolve("refused/config.yaml")).doesNotExist();
    }

    private void assertRefused(Map<String, Object> keys, String message) {
        assertThatThrownBy(() -> Trainer.run(config("refused", keys), ProgressListener.silent()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining(message);
    }

    @Test
    void aScoreThatIsNoneOfTheTasksIsSaid() {
        assertThatThrownBy(() -> Trainer.run(
                        config("none", Map.of("metric_for_best_model", "tasks/piqa/bleu")), ProgressListener.silent()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("piqa/acc_norm");
    }
}
