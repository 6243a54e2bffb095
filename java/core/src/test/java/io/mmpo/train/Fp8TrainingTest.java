package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.config.TrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** LoRA over a base that is frozen in eight bits. What is computed: native/tests/model/frozen_projections_test.cpp. */
class Fp8TrainingTest {
    private static final Map<String, Object> OVER_FP8 = Map.of(
            "model_name_or_path",
            SharedFiles.path("golden/models/llama_linear"),
            "loss_type",
            "dpo",
            "bf16",
            true,
            "use_peft",
            true,
            "lora_r",
            4,
            "lora_dropout",
            0.1,
            "lora_target_modules",
            "all-linear",
            "base_precision",
            "fp8",
            "max_steps",
            8);

    @TempDir
    Path directory;

    private Path rows;

    @BeforeEach
    void writeRows() throws IOException {
        rows = GoldenRun.writeRows(directory);
    }

    /** The reference is computed over the same base, so that a fresh adapter has no margin; then it learns. */
    @Test
    void beginsAtItsReferenceAndLearns() throws IOException {
        List<String> messages = new ArrayList<>();
        Trainer.run(config("run", Map.of("max_steps", 20)), new StopAfter(Integer.MAX_VALUE, messages));
        List<JsonNode> losses = metrics("run", "loss");
        assertThat(losses.getFirst().get("loss").doubleValue()).isEqualTo(Math.log(2), within(1e-6));
        assertThat(losses.getLast().get("loss").doubleValue()).isLessThan(0.68);
        assertThat(messages).anyMatch(line -> line.contains("the frozen projections in fp8 (base_precision: fp8)"));
        run("bf16", Map.of("max_steps", 1, "base_precision", "none"));
        assertThat(firstLogp("run")).isNotCloseTo(firstLogp("bf16"), within(1e-4));
    }

    @Test
    void anInterruptedRunEndsWithTheSameBits() throws IOException {
        run("whole", Map.of());
        assertThat(Trainer.run(config("stopped", Map.of()), new StopAfter(5, new ArrayList<>()))
                        .interrupted())
                .isTrue();
        run("stopped", Map.of("resume_from_checkpoint", true));
        assertThat(adapter("stopped")).isEqualTo(adapter("whole"));
        run("bf16", Map.of("base_precision", "none"));
        assertThat(adapter("bf16")).isNotEqualTo(adapter("whole"));
    }

    @Test
    void aRunGoesOnOverTheBaseThatItBeganWith() {
        Map<String, Object> keys = Map.of("save_strategy", "steps", "save_steps", 2, "max_steps", 2);
        run("run", keys);
        Map<String, Object> other = new HashMap<>(keys);
        other.putAll(Map.of("base_precision", "none", "resume_from_checkpoint", true));
        assertThatThrownBy(() -> run("run", other))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION))
                .hasMessageContaining("base_precision")
                .hasMessageContaining("fp8");
    }

    @Test
    void theRunsFilesNameIt() throws IOException {
        run("run", Map.of("max_steps", 1));
        assertThat(directory.resolve("run/config.yaml")).content().contains("base_precision: \"fp8\"");
        assertThat(directory.resolve("run/final/README.md"))
                .content()
                .contains("held in eight bits (`base_precision: fp8`)")
                .contains("base_precision: \"fp8\"");
        run("bf16", Map.of("max_steps", 1, "base_precision", "none"));
        assertThat(directory.resolve("bf16/final/README.md")).content().doesNotContain("eight bits");
    }

    /** Of the model in bfloat16 they are others, and neither takes the other's. */
    @Test
    void referenceLogProbabilitiesAreCachedByPrecision() throws IOException {
        Path cache = directory.resolve("cache");
        Map<String, Object> keys = new HashMap<>(Map.of("max_steps", 1, "cache_dir", cache));
        run("first", keys);
        run("again", keys);
        assertThat(numReferences(cache)).isEqualTo(1);
        keys.put("base_precision", "none");
        run("bf16", keys);
        assertThat(numReferences(cache)).isEqualTo(2);
    }

    /** An intermediate_size of 172, which no GPU would multiply. */
    @Test
    void aModelOfOtherSizesIsRefused() {
        Map<String, Object> keys = Map.of("model_name_or_path", SharedFiles.path("golden/tiny_llama/tied"));
        assertThatThrownBy(() -> run("run", keys))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT))
                .hasMessage(
                        "the model's projections cannot be held in fp8: its intermediate_size is 172, and GPUs multiply fp8 matrices"
                                + " whose sizes are multiples of 16. Leave base_precision (--base-precision) out: then it is computed in"
                                + " bfloat16.");
        assertThat(directory.resolve("run")).doesNotExist();
    }

    @Test
    void nothingFrozenOrNothingInBfloat16IsRefused() {
        assertThatThrownBy(() -> config("run", Map.of("use_peft", false)))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION))
                .hasMessageContaining("base_precision fp8 holds frozen weights in eight bits, and use_peft: false")
                .hasMessageContaining("trains all of them; write use_peft: true, or base_precision: none");
        assertThatThrownBy(() -> config("run", Map.of("bf16", false)))
                .hasMessageContaining("base_precision fp8 has the rest computed in bfloat16, and bf16: false")
                .hasMessageContaining("write bf16: true, or base_precision: none");
        assertThatThrownBy(() -> config("run", Map.of("base_precision", "int4")))
                .hasMessageContaining("base_precision must be fp8 or none");
    }

    private void run(String name, Map<String, ?> keys) {
        Trainer.run(config(name, keys), ProgressListener.silent());
    }

    private TrainingConfig config(String name, Map<String, ?> keys) {
        Map<String, Object> all = new HashMap<>(OVER_FP8);
        all.putAll(keys);
        return GoldenRun.config(rows, directory.resolve(name), all);
    }

    private List<JsonNode> metrics(String name, String field) throws IOException {
        return GoldenRun.metrics(directory.resolve(name), field);
    }

    private double firstLogp(String name) throws IOException {
        return metrics(name, "logps/chosen").getFirst().get("logps/chosen").doubleValue();
    }

    private byte[] adapter(String name) throws IOException {
        return Files.readAllBytes(directory.resolve(name).resolve("final/adapter_model.safetensors"));
    }

    private static long numReferences(Path cache) throws IOException {
        try (Stream<Path> all = Files.list(cache.resolve("reference"))) {
            return all.count();
        }
    }
}
