package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.config.TrainingConfig;
import io.mmpo.files.AtomicDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run promises whatever the numbers are: the same bits again, files, stopping and going on. */
class TrainerTest {
    @TempDir
    Path directory;

    private Path rows;

    @BeforeEach
    void writeRows() throws IOException {
        rows = GoldenRun.writeRows(directory);
    }

    @Test
    void theSameSeedGivesTheSameBits() throws IOException {
        Map<String, Object> keys = Map.of("loss_type", "dpo", "max_steps", 6);
        assertThat(weights(run("first", keys))).isEqualTo(weights(run("second", keys)));
        assertThat(weights(run("other", Map.of("loss_type", "dpo", "max_steps", 6, "seed", 7))))
                .isNotEqualTo(weights("first"));
    }

    @Test
    void accumulationEqualsOneLargeMicroBatch() throws IOException {
        for (String loss : List.of("dpo", "simpo")) {
            String cut = run(loss + "-1x8", batches(loss, 1, 8));
            String whole = run(loss + "-8x1", batches(loss, 8, 1));
            List<JsonNode> expected = metrics(whole);
            List<JsonNode> actual = metrics(cut);
            assertThat(actual).hasSize(5);
            for (int step = 0; step < 5; step++) {
                for (String name : List.of("loss", "rewards/margins")) {
                    assertThat(actual.get(step).get(name).doubleValue())
                            .as("%s of %s at step %d", name, loss, step + 1)
                            .isCloseTo(
                                    expected.get(step).get(name).doubleValue(),
                                    within(1e-6
                                            * Math.max(
                                                    1,
                                                    Math.abs(expected.get(step)
                                                            .get(name)
                                                            .doubleValue()))));
                }
            }
        }
    }

    /** The chosen responses alone, as rows of supervised fine-tuning. */
    @Test
    void sftWeighsEveryTokenOfAStepTheSame() throws IOException {
        List<String> lines = new ArrayList<>();
        for (JsonNode pair : GoldenRun.golden().get("pairs")) {
            lines.add("{\"prompt_ids\": %s, \"completion_ids\": %s}"
                    .formatted(pair.get("prompt_ids"), pair.get("chosen_ids")));
        }
        rows = Files.write(directory.resolve("sft.jsonl"), lines);
        Map<String, Object> evaluated = new HashMap<>(batches("sft", 8, 1));
        evaluated.putAll(Map.of("eval_strategy", "steps", "eval_steps", 5, "eval_dataset_name", rows));
        String cut = run("sft-1x8", batches("sft", 1, 8));
        String whole = run("sft-8x1", evaluated);
        for (int step = 0; step < 5; step++) {
            double expected = metrics(whole).get(step).get("loss").doubleValue();
            assertThat(metrics(cut).get(step).get("loss").doubleValue()).isEqualTo(expected, within(1e-5));
        }
        assertThat(metrics(whole).getFirst().has("rewards/chosen")).isFalse();
        double evalLoss = GoldenRun.metrics(directory.resolve(whole), "eval_loss")
                .getFirst()
                .get("eval_loss")
                .doubleValue();
        assertThat(evalLoss).isLessThan(metrics(whole).getFirst().get("loss").doubleValue());
    }

    @Test
    void whatIsLoggedDoesNotChangeTheWeights() throws IOException {
        String always = run("always", Map.of("loss_type", "dpo", "max_steps", 6, "logging_steps", 1));
        String seldom = run("seldom", Map.of("loss_type", "dpo", "max_steps", 6, "logging_steps", 5));
        assertThat(weights(always)).isEqualTo(weights(seldom));
        assertThat(metrics(seldom))
                .extracting(line -> line.get("step").intValue())
                .containsExactly(5, 6);
        double mean = metrics(always).subList(0, 5).stream()
                        .mapToDouble(line -> line.get("loss").doubleValue())
                        .sum()
                / 5;
        assertThat(metrics(seldom).getFirst().get("loss").doubleValue()).isEqualTo(mean, within(1e-9));
    }

    @Test
    void checkpointsAreCompleteAndTheOldestGo() throws IOException {
        String run =
                run("run", Map.of("max_steps", 7, "save_strategy", "steps", "save_steps", 2, "save_total_limit", 2));
        Path output = directory.resolve(run);
        assertThat(output.toFile().list())
                .containsExactlyInAnyOrder("checkpoint-6", "checkpoint-7", "final", "config.yaml", "metrics.jsonl");
        assertThat(AtomicDirectory.isValid(output.resolve("checkpoint-7"))).isTrue();
        assertThat(output.resolve("checkpoint-7").toFile().list())
                .containsExactlyInAnyOrder(
                        "model.safetensors",
                        "config.json",
                        "optimizer.safetensors",
                        "trainer_state.json",
                        "config.yaml",
                        "manifest.json");
        assertThat(AtomicDirectory.isValid(output.resolve("final"))).isTrue();
        assertThat(Files.readAllBytes(output.resolve("checkpoint-7/model.safetensors")))
                .isEqualTo(weights(run));
        TrainingConfig resolved = TrainingConfig.load(output.resolve("config.yaml"));
        assertThat(resolved.schedule().maxSteps()).hasValue(7);
    }

    @Test
    void evaluationIsLoggedWithItsPrefix() throws IOException {
        String run = run(
                "run",
                Map.of(
                        "loss_type",
                        "dpo",
                        "max_steps",
                        4,
                        "eval_strategy",
                        "steps",
                        "eval_steps",
                        2,
                        "eval_dataset_name",
                        rows,
                        "per_device_eval_batch_size",
                        7));
        List<JsonNode> lines = GoldenRun.metrics(directory.resolve(run), "eval_loss");
        assertThat(lines).extracting(line -> line.get("step").intValue()).containsExactly(2, 4);
        assertThat(lines.getFirst().fieldNames())
                .toIterable()
                .contains(
                        "eval_rewards/chosen",
                        "eval_rewards/accuracies",
                        "eval_logps/rejected",
                        "eval_runtime",
                        "epoch");
        assertThat(lines.get(1).get("eval_loss").doubleValue()).isLessThan(Math.log(2));
    }

    @Test
    void anotherReferenceModelIsUsed() throws IOException {
        Trainer.run(config("moved", Map.of("loss_type", "dpo", "max_steps", 8)), ProgressListener.silent());
        String run = run(
                "run",
                Map.of("loss_type", "dpo", "max_steps", 1, "ref_model_name_or_path", directory.resolve("moved/final")));
        assertThat(metrics(run).getFirst().get("loss").doubleValue()).isNotCloseTo(Math.log(2), within(1e-3));
        assertThat(metrics("moved").getFirst().get("loss").doubleValue()).isEqualTo(Math.log(2), within(1e-6));
    }

    @Test
    void aDivergedRunStopsAndNamesTheRows() {
        Map<String, Object> keys = Map.of(
                "loss_type",
                "dpo",
                "learning_rate",
                1e30,
                "lr_scheduler_type",
                "constant",
                "warmup_steps",
                0,
                "max_grad_norm",
                0);
        assertThatThrownBy(() -> run("run", keys))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.TRAINING))
                .hasMessageMatching(
                        "The (loss|gradient) is not .*finite.* step \\d+, for rows? [\\d, ]+ of the data; nothing was updated.*");
        assertThat(directory.resolve("run/final")).doesNotExist();
    }

    @Test
    void anotherRunIsNotOverwritten() throws IOException {
        run("run", Map.of("max_steps", 1));
        assertThatThrownBy(() -> run("run", Map.of("max_steps", 1)))
                .hasMessageContaining("already holds a run (metrics.jsonl)");
    }

    /** Resident set after 2,000 micro-batches against that after 100. */
    @Test
    void memoryStaysFlat() throws IOException {
        List<Long> resident = new ArrayList<>();
        ProgressListener listener = new ProgressListener() {
            @Override
            public void advanced(Phase phase, long done, long rows) {
                if (phase == Phase.TRAINING && (done == 100 || done == 2000)) {
                    System.gc(); // the Java heap grows and shrinks as the collector likes; what must stay flat lies
                    // outside of it
                    resident.add(ProcessMemory.residentBytes());
                }
            }
        };
        Map<String, Object> keys = Map.of(
                "loss_type",
                "dpo",
                "max_steps",
                2000,
                "per_device_train_batch_size",
                1,
                "gradient_accumulation_steps",
                1,
                "logging_steps",
                10);
        Trainer.run(config("run", keys), listener);
        assertThat(resident).hasSize(2);
        assertThat(resident.get(1).doubleValue()).isLessThanOrEqualTo(1.02 * resident.get(0));
    }

    private static Map<String, Object> batches(String loss, int size, int accumulation) {
        return Map.of(
                "loss_type",
                loss,
                "max_steps",
                5,
                "per_device_train_batch_size",
                size,
                "gradient_accumulation_steps",
                accumulation);
    }

    private TrainingConfig config(String name, Map<String, ?> keys) {
        return GoldenRun.config(rows, directory.resolve(name), keys);
    }

    private String run(String name, Map<String, ?> keys) {
        Trainer.run(config(name, keys), ProgressListener.silent());
        return name;
    }

    private byte[] weights(String name) throws IOException {
        return Files.readAllBytes(directory.resolve(name).resolve("final/model.safetensors"));
    }

    private List<JsonNode> metrics(String name) throws IOException {
        return GoldenRun.metrics(directory.resolve(name), "loss");
    }
}
