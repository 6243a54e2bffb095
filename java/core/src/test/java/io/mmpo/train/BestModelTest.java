package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The best evaluation's checkpoint as the final model, when a run evaluates, and checkpoints of the model alone. */
class BestModelTest {
    @TempDir
    Path directory;

    private Path rows;
    private final List<String> messages = new ArrayList<>();

    @BeforeEach
    void writeRows() throws IOException {
        rows = GoldenRun.writeRows(directory);
    }

    private Map<String, Object> keys(Object... more) {
        Map<String, Object> keys = new HashMap<>(Map.of("loss_type", "dpo", "max_steps", 8));
        keys.putAll(Map.of("eval_strategy", "steps", "eval_steps", 1, "eval_dataset_name", rows));
        keys.putAll(Map.of("save_strategy", "steps", "save_steps", 2, "load_best_model_at_end", true));
        for (int i = 0; i < more.length; i += 2) {
            keys.put((String) more[i], more[i + 1]);
        }
        return keys;
    }

    private TrainingResult run(int steps, String name, Map<String, ?> keys) {
        messages.clear();
        return Trainer.run(GoldenRun.config(rows, directory.resolve(name), keys), new StopAfter(steps, messages));
    }

    private Path of(String run, String path) {
        return directory.resolve(run).resolve(path);
    }

    private List<String> checkpoints(String run) throws IOException {
        try (Stream<Path> entries = Files.list(directory.resolve(run))) {
            return entries.map(path -> path.getFileName().toString())
                    .filter(name -> name.startsWith("checkpoint-"))
                    .sorted()
                    .toList();
        }
    }

    /**
     * transformers remembers the step of the best evaluation, and when it saves, the checkpoint of that step if there is one; so a
     * best step between two checkpoints leaves the one before it.
     */
    private int bestCheckpoint(String run, String metric, boolean greater) throws IOException {
        double best = greater ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        int bestStep = 0;
        int checkpoint = 0;
        for (JsonNode line : GoldenRun.metrics(directory.resolve(run), metric)) {
            double value = line.get(metric).doubleValue();
            int step = line.get("step").intValue();
            if (greater ? value > best : value < best) {
                best = value;
                bestStep = step;
            }
            if (step % 2 == 0 && bestStep % 2 == 0) {
                checkpoint = bestStep;
            }
        }
        return checkpoint;
    }

    @ParameterizedTest
    @CsvSource({"eval_loss, false", "loss, true", "rewards/margins, true", "eval_rewards/margins, false"})
    void finalIsTheBestCheckpoint(String metric, boolean greater) throws IOException {
        run(99, "run", keys("metric_for_best_model", metric, "greater_is_better", greater));
        String logged = metric.startsWith("eval_") ? metric : "eval_" + metric;
        int step = bestCheckpoint("run", logged, greater);
        // The first step has no rate, so the worst evaluation is the first, which has no checkpoint: then final is the
        // last model.
        assertThat(step == 0).isEqualTo(metric.equals("loss") || metric.equals("eval_rewards/margins"));
        String best = "checkpoint-" + (step == 0 ? 8 : step);
        assertThat(checkpoints("run")).contains(best).hasSize(4);
        assertThat(of("run", "final/model.safetensors")).hasSameBinaryContentAs(of("run", best + "/model.safetensors"));
        assertThat(of("run", "final").toFile().list())
                .contains("config.json", "manifest.json")
                .doesNotContain("optimizer.safetensors", "trainer_state.json", "config.yaml");
        assertThat(messages)
                .anyMatch(line -> line.startsWith(
                        step == 0
                                ? "load_best_model_at_end: the best evaluation (" + logged + " "
                                : "final is " + best + ", the best: " + logged + " "));
    }

    @Test
    void theTwoDirectionsDiffer() throws IOException {
        run(99, "run", keys());
        assertThat(bestCheckpoint("run", "eval_loss", false)).isNotEqualTo(bestCheckpoint("run", "eval_loss", true));
    }

    /** The first evaluation is the best where a smaller accuracy is, and its checkpoint outlives the newer ones. */
    @Test
    void theLimitKeepsTheBest() throws IOException {
        Map<String, Object> keys = keys("eval_steps", 2, "metric_for_best_model", "loss", "greater_is_better", true);
        keys.put("learning_rate", 1e-3);
        run(99, "all", keys);
        int best = bestCheckpoint("all", "eval_loss", true);
        assertThat(best).isEqualTo(2);
        keys.put("save_total_limit", 2);
        run(99, "two", keys);
        assertThat(checkpoints("two")).containsExactly("checkpoint-2", "checkpoint-8");
        keys.put("save_total_limit", 1);
        run(99, "one", keys);
        assertThat(checkpoints("one")).containsExactly("checkpoint-2");
        keys.put("load_best_model_at_end", false);
        run(99, "last", keys);
        assertThat(checkpoints("last")).containsExactly("checkpoint-2");
        assertThat(of("one", "final/model.safetensors"))
                .hasSameBinaryContentAs(of("all", "checkpoint-2/model.safetensors"));
        assertThat(of("last", "final/model.safetensors"))
                .hasSameBinaryContentAs(of("all", "checkpoint-8/model.safetensors"));
    }

    /** What was the best before the break is known from the log. */
    @Test
    void aRunThatGoesOnKnowsTheBest() throws IOException {
        Map<String, Object> keys = keys("greater_is_better", true, "learning_rate", 1e-3, "save_total_limit", 1);
        keys.put("eval_steps", 2);
        assertThat(run(5, "run", keys).interrupted()).isTrue();
        keys.put("resume_from_checkpoint", true);
        run(99, "run", keys);
        assertThat(messages).anyMatch(line -> line.startsWith("final is checkpoint-2, the best: eval_loss "));
        assertThat(checkpoints("run")).containsExactly("checkpoint-2");
    }

    @Test
    void evaluationBeginsWithTheStartOrAfterADelay() throws IOException {
        Map<String, Object> keys = keys("load_best_model_at_end", false, "eval_on_start", true, "eval_delay", 6);
        run(99, "run", keys);
        assertThat(GoldenRun.metrics(directory.resolve("run"), "eval_loss"))
                .extracting(line -> line.get("step").intValue())
                .containsExactly(0, 6, 7, 8);
        // DPO's loss of equal rewards, before anything is learned.
        assertThat(GoldenRun.metrics(directory.resolve("run"), "eval_loss")
                        .getFirst()
                        .get("eval_loss")
                        .doubleValue())
                .isEqualTo(Math.log(2));
        keys.put("eval_strategy", "no");
        run(99, "start", keys);
        assertThat(GoldenRun.metrics(directory.resolve("start"), "eval_loss"))
                .extracting(line -> line.get("step").intValue())
                .containsExactly(0);
    }

    @Test
    void aCheckpointOfTheModelAloneCannotBeGoneOnFrom() throws IOException {
        Map<String, Object> keys = keys("save_only_model", true, "load_best_model_at_end", false);
        run(99, "run", keys);
        assertThat(of("run", "checkpoint-8").toFile().list())
                .contains("model.safetensors", "trainer_state.json")
                .doesNotContain("optimizer.safetensors");
        try (Stream<Path> files = Files.walk(of("run", "final"))) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
        keys.put("resume_from_checkpoint", of("run", "checkpoint-8").toString());
        assertThatThrownBy(() -> run(99, "run", keys))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining(
                        "checkpoint-8, which holds the model without the optimizer's state (save_only_model)");
        keys.put("resume_from_checkpoint", true);
        assertThatThrownBy(() -> run(99, "run", keys)).hasMessageContaining("without the optimizer's state");
        keys.remove("resume_from_checkpoint");
        // The one that a signal asks for is whole.
        assertThat(run(3, "stopped", keys).directory().orElseThrow().resolve("optimizer.safetensors"))
                .isRegularFile();
    }

    @Test
    void dataSeedOrdersTheRows() throws IOException {
        Map<String, Object> keys = keys("load_best_model_at_end", false, "seed", 1);
        run(99, "seed", keys);
        keys.put("data_seed", 1);
        run(99, "same", keys);
        keys.put("data_seed", 2);
        run(99, "other", keys);
        assertThat(of("same", "final/model.safetensors")).hasSameBinaryContentAs(of("seed", "final/model.safetensors"));
        assertThat(Files.mismatch(of("other", "final/model.safetensors"), of("seed", "final/model.safetensors")))
                .isNotNegative();
    }
}
