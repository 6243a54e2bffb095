package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.config.TrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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
import org.junit.jupiter.params.provider.EnumSource;

/** Going on from a checkpoint: what continues, which checkpoint counts, and what is refused. */
class ResumeTest {
    /** What a line of metrics says about the machine and not about the run. */
    private static final List<String> MEASURED = List.of(
            "step_seconds",
            "pairs_per_second",
            "tokens_per_second",
            "data_wait_seconds",
            "peak_memory_bytes",
            "train_runtime",
            "reference_seconds",
            "train_samples_per_second",
            "train_steps_per_second",
            "eval_runtime",
            "eval_samples_per_second",
            "eval_steps_per_second");

    @TempDir
    Path directory;

    private Path rows;
    private final List<String> messages = new ArrayList<>();

    @BeforeEach
    void writeRows() throws IOException {
        rows = GoldenRun.writeRows(directory);
    }

    /** Stopped twice, in the middle of what a line of metrics averages over. */
    @ParameterizedTest
    @CsvSource({
        "dpo, false, adamw_torch, false, float32, float32",
        "dpo, true, adamw_8bit, false, float32, float32",
        "dpo, true, adamw_torch, false, float32, bfloat16",
        "dpo, true, adamw_torch, false, float32, float16",
        "dpo, false, adamw_torch, false, float32, bfloat16",
        "dpo, true, adamw_torch, false, bfloat16, bfloat16",
        "dpo, true, adamw_8bit, false, bfloat16, float32",
        "dpo, true, adamw_torch, false, bfloat16, float16",
        "mmpo, false, adamw_8bit, false, float32, float32",
        "dpo, true, adamw_8bit, true, float32, float32",
        "dpo, true, adamw_8bit, true, float32, bfloat16"
    })
    void theRunIsThatWithoutABreak(
            String loss, boolean bf16, String optimizer, boolean lora, String dtype, String saveDtype)
            throws IOException {
        Map<String, Object> keys = new HashMap<>(Map.of("loss_type", loss, "max_steps", 20, "bf16", bf16));
        keys.putAll(Map.of("optim", optimizer, "weight_decay", 0.01, "logging_steps", 5, "save_steps", 6));
        keys.putAll(Map.of("eval_strategy", "steps", "eval_steps", 4, "eval_dataset_name", rows));
        keys.putAll(Map.of("dtype", dtype, "save_dtype", saveDtype, "save_strategy", "steps"));
        if (lora) { // of rank 64, some of its matrices have 8-bit moments
            keys.putAll(
                    Map.of("use_peft", true, "lora_r", 64, "lora_dropout", 0.1, "lora_target_modules", "all-linear"));
        }
        run("whole", keys);
        TrainingResult first = stopAfter(3, "broken", keys);
        assertThat(first.interrupted()).isTrue();
        assertThat(first.globalStep()).isEqualTo(3);
        assertThat(first.directory()).contains(directory.resolve("broken/checkpoint-3"));
        keys.put("resume_from_checkpoint", true);
        assertThat(stopAfter(13, "broken", keys).interrupted()).isTrue();
        assertThat(directory.resolve("broken/final")).doesNotExist();
        TrainingResult last = run("broken", keys);
        assertThat(last.interrupted()).isFalse();
        assertThat(weights("broken")).isEqualTo(weights("whole"));
        assertThat(metrics("broken")).isEqualTo(metrics("whole"));
        assertThat(metrics("broken")).hasSize(4 + 5 + 1);
        for (String file : List.of("optimizer.safetensors", lora ? "adapter_model.safetensors" : "model.safetensors")) {
            assertThat(directory.resolve("broken/checkpoint-20").resolve(file))
                    .hasSameBinaryContentAs(
                            directory.resolve("whole/checkpoint-20").resolve(file));
        }
    }

    @Test
    void whatTheKilledRunLoggedAfterItsCheckpointIsWrittenAgain() throws IOException {
        Map<String, Object> keys = new HashMap<>(Map.of("max_steps", 6, "save_strategy", "steps", "save_steps", 2));
        run("whole", keys);
        run("killed", keys);
        for (String lost : List.of("final", "checkpoint-6", "checkpoint-4")) {
            delete(directory.resolve("killed").resolve(lost));
        }
        keys.put("resume_from_checkpoint", true);
        run("killed", keys);
        assertThat(metrics("killed")).isEqualTo(metrics("whole"));
        assertThat(weights("killed")).isEqualTo(weights("whole"));
    }

    @Test
    void withoutACheckpointItBegins() throws IOException {
        run("whole", Map.of("max_steps", 2));
        Files.createDirectories(directory.resolve("run"));
        Files.writeString(directory.resolve("run/metrics.jsonl"), "{\"loss\":1.0,\"step\":1}\n");
        run("run", Map.of("max_steps", 2, "resume_from_checkpoint", true));
        assertThat(messages).anyMatch(line -> line.contains("no checkpoint in " + directory.resolve("run") + " yet"));
        assertThat(metrics("run")).isEqualTo(metrics("whole"));
    }

    enum Damage {
        BIT_FLIP_IN_OPTIMIZER("optimizer.safetensors was changed") {
            @Override
            void inflict(Path checkpoint) throws IOException {
                Path file = checkpoint.resolve("optimizer.safetensors");
                byte[] bytes = Files.readAllBytes(file);
                bytes[bytes.length - 1000] ^= 1;
                Files.write(file, bytes);
            }
        },
        TRUNCATED_WEIGHTS("model.safetensors has 5000 bytes") {
            @Override
            void inflict(Path checkpoint) throws IOException {
                Path file = checkpoint.resolve("model.safetensors");
                Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 5000));
            }
        },
        MISSING_WEIGHTS("model.safetensors is missing") {
            @Override
            void inflict(Path checkpoint) throws IOException {
                Files.delete(checkpoint.resolve("model.safetensors"));
            }
        },
        MISSING_STATE("trainer_state.json is missing") {
            @Override
            void inflict(Path checkpoint) throws IOException {
                Files.delete(checkpoint.resolve("trainer_state.json"));
            }
        },
        NO_MANIFEST("manifest.json does not exist") {
            @Override
            void inflict(Path checkpoint) throws IOException {
                Files.delete(checkpoint.resolve("manifest.json"));
            }
        },
        CORRUPT_MANIFEST("manifest.json cannot be checked") {
            @Override
            void inflict(Path checkpoint) throws IOException {
                Files.writeString(checkpoint.resolve("manifest.json"), "{\"version\": 1, \"files\": [");
            }
        };

        private final String words;

        Damage(String words) {
            this.words = words;
        }

        abstract void inflict(Path checkpoint) throws IOException;
    }

    @ParameterizedTest
    @EnumSource
    void aDamagedCheckpointIsPassedOverOrRefused(Damage damage) throws IOException {
        Map<String, Object> keys =
                new HashMap<>(Map.of("max_steps", 4, "save_strategy", "steps", "save_steps", 2, "optim", "adamw_8bit"));
        run("run", keys);
        byte[] expected = weights("run");
        Path newest = directory.resolve("run/checkpoint-4");
        damage.inflict(newest);

        keys.put("resume_from_checkpoint", newest);
        assertThatThrownBy(() -> run("run", keys))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining(newest + ", which is not a complete checkpoint: ")
                .hasMessageContaining(damage.words);

        keys.put("resume_from_checkpoint", true);
        run("run", keys);
        assertThat(messages)
                .filteredOn(line -> line.startsWith("warning: "))
                .singleElement()
                .satisfies(line -> assertThat(line).contains("passing over " + newest, damage.words));
        assertThat(messages)
                .anyMatch(line -> line.startsWith("going on from " + directory.resolve("run/checkpoint-2")));
        assertThat(weights("run")).isEqualTo(expected);

        damage.inflict(directory.resolve("run/checkpoint-2"));
        damage.inflict(directory.resolve("run/checkpoint-4"));
        assertThatThrownBy(() -> run("run", keys))
                .hasMessageContaining("holds no complete checkpoint: checkpoint-4 is damaged");
    }

    @Test
    void anotherConfigurationIsRefusedWithItsDifferences() throws IOException {
        Map<String, Object> keys = new HashMap<>(Map.of("max_steps", 4, "learning_rate", 5e-4));
        stopAfter(2, "run", keys);
        keys.put("resume_from_checkpoint", true);
        Map<String, Object> changed = new HashMap<>(keys);
        changed.putAll(Map.of("learning_rate", 1e-4, "seed", 7, "max_grad_norm", 0.5, "logging_steps", 2));
        assertThatThrownBy(() -> run("run", changed))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION))
                .hasMessageContaining(
                        "learning_rate was 5.0E-4 and is 1.0E-4; max_grad_norm was 1.0 and is 0.5; seed was 42 and is 7. Resume")
                .hasMessageContaining("resume_with_changed_config=true");
        assertThat(TrainingConfig.load(directory.resolve("run/config.yaml"))
                        .run()
                        .seed())
                .isEqualTo(42);

        changed.put("resume_with_changed_config", true);
        run("run", changed);
        assertThat(messages)
                .contains("resume_with_changed_config: learning_rate was 5.0E-4 and is 1.0E-4; max_grad_norm was"
                        + " 1.0 and is 0.5; seed was 42 and is 7");
        assertThat(metrics("run").get(2).get("learning_rate").doubleValue()).isLessThan(1e-4);

        Map<String, Object> shorter = new HashMap<>(keys);
        shorter.putAll(Map.of("max_steps", 1, "resume_with_changed_config", true));
        shorter.put("resume_from_checkpoint", directory.resolve("run/checkpoint-2"));
        assertThatThrownBy(() -> run("other", shorter))
                .hasMessageContaining("was written after step 2, and this run ends after step 1");
    }

    @Test
    void keysThatTheWeightsDoNotDependOnMayDiffer() throws IOException {
        Map<String, Object> keys = new HashMap<>(Map.of("max_steps", 4));
        run("whole", keys);
        stopAfter(2, "run", keys);
        keys.putAll(Map.of("logging_steps", 3, "save_strategy", "steps", "save_steps", 3, "save_total_limit", 1));
        keys.put("resume_from_checkpoint", directory.resolve("run/checkpoint-2"));
        run("elsewhere", keys);
        assertThat(weights("elsewhere")).isEqualTo(weights("whole"));
        assertThat(directory.resolve("run/final")).doesNotExist();
    }

    @Test
    void otherRowsAreRefused() throws IOException {
        stopAfter(2, "run", Map.of("max_steps", 4));
        List<String> lines = new ArrayList<>(Files.readAllLines(rows));
        lines.set(17, lines.get(16));
        Files.write(rows, lines);
        assertThatThrownBy(() -> run("run", Map.of("max_steps", 4, "resume_from_checkpoint", true)))
                .hasMessageContaining("the training data was 64 rows (")
                .hasMessageContaining(") and is 64 rows (");
    }

    @Test
    void anotherOptimizersStateIsNotTaken() throws IOException {
        stopAfter(2, "run", Map.of("max_steps", 4));
        assertThatThrownBy(() -> run(
                        "run",
                        Map.of(
                                "max_steps",
                                4,
                                "optim",
                                "adamw_8bit",
                                "resume_from_checkpoint",
                                true,
                                "resume_with_changed_config",
                                true)))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining(
                        "does not hold exp_avg.model.layers.0.self_attn.q_proj.weight as this run needs it, U8");
    }

    @Test
    void whatAKilledSaveLeftGoesWhenARunBegins() throws IOException {
        stopAfter(2, "run", Map.of("max_steps", 4));
        Path leftover = Files.createDirectories(directory.resolve("run/.checkpoint-3.incomplete-1/additional"));
        Files.writeString(leftover.resolve("file"), "half");
        Files.move(directory.resolve("run/checkpoint-2"), directory.resolve("run/.checkpoint-2.replaced-1"));
        run("run", Map.of("max_steps", 4, "resume_from_checkpoint", true));
        assertThat(directory.resolve("run").toFile().list())
                .containsExactlyInAnyOrder("checkpoint-2", "final", "config.yaml", "metrics.jsonl");
    }

    private TrainingResult run(String name, Map<String, ?> keys) {
        return stopAfter(Integer.MAX_VALUE, name, keys);
    }

    private TrainingResult stopAfter(int steps, String name, Map<String, ?> keys) {
        messages.clear();
        return Trainer.run(GoldenRun.config(rows, directory.resolve(name), keys), new StopAfter(steps, messages));
    }

    private byte[] weights(String name) throws IOException {
        Path model = directory.resolve(name).resolve("final");
        Path adapter = model.resolve("adapter_model.safetensors");
        return Files.readAllBytes(Files.exists(adapter) ? adapter : model.resolve("model.safetensors"));
    }

    /** Every line of metrics.jsonl, without what was measured. */
    private List<JsonNode> metrics(String name) throws IOException {
        List<JsonNode> lines = GoldenRun.metrics(directory.resolve(name), "step");
        lines.forEach(line -> ((ObjectNode) line).remove(MEASURED));
        return lines;
    }

    private static void delete(Path root) throws IOException {
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
