package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.config.TrainingConfig;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.model.AdapterConfig;
import io.mmpo.model.GoldenAdapter;
import io.mmpo.model.SafetensorsReader;
import io.mmpo.model.StoredModel;
import io.mmpo.spec.WeightType;
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

/** Runs that train an adapter. Their numbers: {@link TrainerGoldenTest}. */
class LoraTrainingTest {
    private static final Map<String, Object> LORA = Map.of(
            "loss_type",
            "dpo",
            "use_peft",
            true,
            "lora_r",
            4,
            "lora_dropout",
            0.2,
            "lora_target_modules",
            "all-linear");

    @TempDir
    Path directory;

    private Path rows;

    @BeforeEach
    void writeRows() throws IOException {
        rows = GoldenRun.writeRows(directory);
    }

    /** The reference is the model as it starts, which a fresh adapter leaves as it is: -log sigmoid(0), dropout or not. */
    @Test
    void theFirstLossIsLogTwo() throws IOException {
        run("run", Map.of("max_steps", 2));
        assertThat(firstLoss("run")).isEqualTo(Math.log(2), within(1e-6));
        run("attention", Map.of("max_steps", 1, "lora_target_modules", List.of("q_proj", "v_proj"), "bf16", true));
        assertThat(firstLoss("attention")).isEqualTo(Math.log(2), within(1e-6));
    }

    @Test
    void anInterruptedRunEndsWithTheSameBitsDropoutIncluded() throws IOException {
        for (boolean bf16 : new boolean[] {false, true}) {
            Map<String, Object> keys = new HashMap<>(Map.of("max_steps", 8, "bf16", bf16));
            String whole = "whole-" + bf16;
            run(whole, keys);
            String stopped = "stopped-" + bf16;
            TrainingResult first = Trainer.run(config(stopped, keys), new StopAfter(5, new ArrayList<>()));
            assertThat(first.interrupted()).isTrue();
            keys.put("resume_from_checkpoint", true);
            run(stopped, keys);
            assertThat(adapter(stopped)).isEqualTo(adapter(whole));
            run("other-seed-" + bf16, Map.of("max_steps", 8, "bf16", bf16, "seed", 1));
            assertThat(adapter("other-seed-" + bf16)).isNotEqualTo(adapter(whole));
        }
    }

    /** The base stays as it is stored, and the same numbers in float32 files give the same adapter. */
    @Test
    void theTypeOfTheBasesFilesChangesNoBit() throws IOException {
        Path narrow = StoredModel.copy(
                SharedFiles.path("golden/tiny_llama/untied_llama3_rope"),
                directory.resolve("narrow"),
                WeightType.BFLOAT16);
        Path wide = StoredModel.copy(narrow, directory.resolve("wide"), WeightType.FLOAT32);
        run("of-bfloat16", Map.of("max_steps", 6, "model_name_or_path", narrow.toString()));
        run("of-float32", Map.of("max_steps", 6, "model_name_or_path", wide.toString()));
        assertThat(adapter("of-bfloat16")).isEqualTo(adapter("of-float32"));
    }

    /** Embedding and head in full beside A and B, in 32 bits under bfloat16 too; a break changes no bit. */
    @Test
    void modulesToSaveAreTrainedSavedAndResumed() throws IOException {
        for (boolean tied : new boolean[] {false, true}) {
            Map<String, Object> keys = new HashMap<>(Map.of(
                    "max_steps",
                    6,
                    "bf16",
                    true,
                    "lora_target_modules",
                    ".*\\.layers\\.[12]\\..*(q|up)_proj",
                    "modules_to_save",
                    List.of("embed_tokens", "lm_head"),
                    "ensure_weight_tying",
                    tied));
            String whole = "whole-" + tied;
            run(whole, keys);
            assertThat(firstLoss(whole)).isEqualTo(Math.log(2), within(1e-6));
            String stopped = "stopped-" + tied;
            assertThat(Trainer.run(config(stopped, keys), new StopAfter(4, new ArrayList<>()))
                            .interrupted())
                    .isTrue();
            keys.put("resume_from_checkpoint", true);
            run(stopped, keys);
            assertThat(adapter(stopped)).isEqualTo(adapter(whole));
            try (SafetensorsReader saved =
                    SafetensorsReader.open(directory.resolve(whole + "/final/adapter_model.safetensors"))) {
                assertThat(saved.tensors())
                        .hasSize(2 * 2 * 2 + 2)
                        .allMatch(tensor -> tensor.dtype().equals("F32"));
                List<SafetensorsReader.Entry> matrices = saved.tensors().stream()
                        .filter(tensor -> !tensor.name().contains("lora_"))
                        .toList();
                assertThat(matrices)
                        .extracting(SafetensorsReader.Entry::name)
                        .containsExactlyInAnyOrder(
                                "base_model.model.model.embed_tokens.weight", "base_model.model.lm_head.weight");
                long differs = matrices.get(0)
                        .toTensor()
                        .data()
                        .mismatch(matrices.get(1).toTensor().data());
                assertThat(differs == -1).isEqualTo(tied);
            }
        }
    }

    @Test
    void onlyTheAdapterIsSaved() throws IOException {
        List<String> messages = new ArrayList<>();
        Trainer.run(
                config("run", Map.of("max_steps", 1, "save_strategy", "steps")),
                new StopAfter(Integer.MAX_VALUE, messages));
        assertThat(messages)
                .anyMatch(
                        text -> text.startsWith(
                                "trainable parameters: 13,872 of 170,736 (8.12%); LoRA: r 4, alpha 32.0, dropout 0.2, on all-linear"));
        Path checkpoint = directory.resolve("run/checkpoint-1");
        assertThat(checkpoint.toFile().list())
                .containsExactlyInAnyOrder(
                        "adapter_config.json",
                        "adapter_model.safetensors",
                        "optimizer.safetensors",
                        "trainer_state.json",
                        "config.yaml",
                        "manifest.json");
        assertThat(AtomicDirectory.isValid(checkpoint)).isTrue();
        AdapterConfig saved = AdapterConfig.read(directory.resolve("run/final"));
        assertThat(saved.rank()).isEqualTo(4);
        assertThat(saved.dropout()).isEqualTo(0.2);
        assertThat(TrainingConfig.load(directory.resolve("run/config.yaml")))
                .isEqualTo(config("run", Map.of("max_steps", 1, "save_strategy", "steps")));
    }

    /** The reference includes the adapter that the run starts from, unless another is named. */
    @Test
    void trainingGoesOnFromAnAdapter() throws IOException {
        GoldenAdapter golden = GoldenAdapter.copyTo(directory.resolve("adapter"));
        Map<String, Object> keys =
                new HashMap<>(Map.of("loss_type", "dpo", "max_steps", 2, "model_name_or_path", golden.directory()));
        assertThatThrownBy(() -> Trainer.run(GoldenRun.config(rows, directory.resolve("run"), keys), silent()))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION))
                .hasMessageContaining("set use_peft: true");
        keys.put("use_peft", true);
        keys.put("lora_r", 8);
        assertThatThrownBy(() -> Trainer.run(GoldenRun.config(rows, directory.resolve("run"), keys), silent()))
                .hasMessageContaining("lora_r is 8")
                .hasMessageContaining("was made with 4");
        keys.remove("lora_r");
        Trainer.run(GoldenRun.config(rows, directory.resolve("run"), keys), silent());
        assertThat(firstLoss("run")).isEqualTo(Math.log(2), within(1e-6));
        keys.put("ref_model_name_or_path", golden.model());
        Trainer.run(GoldenRun.config(rows, directory.resolve("base"), keys), silent());
        assertThat(firstLoss("base")).isNotCloseTo(Math.log(2), within(1e-3));
        keys.put("ref_model_name_or_path", golden.directory());
        Trainer.run(GoldenRun.config(rows, directory.resolve("named"), keys), silent());
        assertThat(firstLoss("named")).isEqualTo(Math.log(2), within(1e-6));
        assertThat(AdapterConfig.read(directory.resolve("run/final")).rank()).isEqualTo(4);
    }

    private void run(String name, Map<String, ?> keys) {
        Trainer.run(config(name, keys), silent());
    }

    private TrainingConfig config(String name, Map<String, ?> keys) {
        Map<String, Object> all = new HashMap<>(LORA);
        all.putAll(keys);
        return GoldenRun.config(rows, directory.resolve(name), all);
    }

    private double firstLoss(String name) throws IOException {
        return GoldenRun.metrics(directory.resolve(name), "loss")
                .getFirst()
                .get("loss")
                .doubleValue();
    }

    private byte[] adapter(String name) throws IOException {
        return Files.readAllBytes(directory.resolve(name).resolve("final/adapter_model.safetensors"));
    }

    private static ProgressListener silent() {
        return ProgressListener.silent();
    }
}
