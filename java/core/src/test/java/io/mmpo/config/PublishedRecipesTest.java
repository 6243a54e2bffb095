package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.spec.LossTerm;
import io.mmpo.spec.LossType;
import io.mmpo.spec.WeightType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Configurations with the keys and values that others have published: they run as they are, and what is ignored is said, a line a key. */
class PublishedRecipesTest {
    @TempDir
    Path directory;

    private ConfigLoader.Loaded load(String recipe, String... overrides) throws IOException {
        try (InputStream yaml = PublishedRecipesTest.class.getResourceAsStream("recipes/" + recipe + ".yaml")) {
            Path file = directory.resolve(recipe + ".yaml");
            Files.write(file, yaml.readAllBytes());
            ConfigLoader.Loaded loaded = ConfigLoader.load(file, List.of(overrides));
            Path resolved = Files.writeString(
                    directory.resolve("resolved.yaml"), loaded.config().toYaml());
            assertThat(TrainingConfig.load(resolved)).isEqualTo(loaded.config());
            return loaded;
        }
    }

    /** The keys that have a line, in order. */
    private static List<String> ignored(ConfigLoader.Loaded loaded) {
        assertThat(loaded.notices()).allSatisfy(line -> assertThat(line).contains(" means nothing here: "));
        return loaded.notices().stream().map(line -> line.split(" ")[0]).toList();
    }

    @Test
    void zephyrsDpo() throws IOException {
        ConfigLoader.Loaded loaded = load("zephyr-7b-dpo");
        TrainingConfig config = loaded.config();
        assertThat(config.loss().terms()).containsExactly(new LossTerm(LossType.DPO, 1));
        assertThat(config.loss().beta()).isEqualTo(0.01);
        assertThat(config.data().training())
                .containsExactly(new DatasetOptions(
                        "HuggingFaceH4/ultrafeedback_binarized", Optional.empty(), "train_prefs", 1, Map.of()));
        assertThat(config.data().evaluation())
                .contains(new DatasetOptions(
                        "HuggingFaceH4/ultrafeedback_binarized", Optional.empty(), "test_prefs", 1, Map.of()));
        assertThat(config.data().mayEvaluate()).isTrue();
        assertThat(config.run().evalStrategy()).isEqualTo(IntervalStrategy.STEPS);
        assertThat(config.schedule().warmupStepsOf(478)).isEqualTo(48);
        assertThat(ignored(loaded))
                .containsExactly(
                        "do_eval",
                        "gradient_checkpointing_kwargs",
                        "hub_model_id",
                        "log_level",
                        "preprocessing_num_workers",
                        "push_to_hub");
    }

    @Test
    void simposLlama3UnderCposNames() throws IOException {
        ConfigLoader.Loaded loaded = load("llama-3-8b-instruct-simpo", "report_to=none");
        LossOptions loss = loaded.config().loss();
        assertThat(loss.terms()).containsExactly(new LossTerm(LossType.SIMPO, 1));
        assertThat(loss.needsReference()).isFalse();
        assertThat(loss.lengthNormalize()).isTrue();
        assertThat(loss.objective(1, true).coefficients().beta()).isEqualTo(2.5);
        assertThat(loss.objective(1, true).coefficients().gamma()).isEqualTo(0.55 * 2.5);
        assertThat(loaded.config().run().saveTotalLimit()).hasValue(20);
        assertThat(ignored(loaded))
                .containsExactly(
                        "do_eval",
                        "gradient_checkpointing_kwargs",
                        "hub_model_id",
                        "log_level",
                        "preprocessing_num_workers",
                        "run_name",
                        "use_flash_attention_2");
    }

    /** The one thing of them that is not offered, with what is offered in its place. */
    @Test
    void weightsAndBiasesIsRefusedByName() {
        for (String recipe : List.of("llama-3-8b-instruct-simpo", "smollm3-apo")) {
            assertThatThrownBy(() -> load(recipe))
                    .hasMessageStartingWith("report_to must be none, all, tensorboard or mlflow, got 'wandb' (")
                    .hasMessageContaining("write report_to: tensorboard, whose files `wandb sync` uploads");
        }
    }

    @Test
    void smolLm3sApo() throws IOException {
        ConfigLoader.Loaded loaded = load("smollm3-apo", "report_to=none");
        TrainingConfig config = loaded.config();
        assertThat(config.loss().terms()).containsExactly(new LossTerm(LossType.APO_ZERO, 1));
        assertThat(config.model().revision()).contains("it-SFT");
        assertThat(config.model().trainedType()).isEqualTo(WeightType.BFLOAT16);
        assertThat(config.data().training())
                .extracting(DatasetOptions::weight, DatasetOptions::config, DatasetOptions::columns)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple(0.5, Optional.of("Preference"), Map.of()),
                        org.assertj.core.groups.Tuple.tuple(0.25, Optional.of("Preference"), Map.of()));
        assertThat(config.schedule().type()).isEqualTo(SchedulerType.COSINE_WITH_MIN_LR);
        assertThat(config.schedule().arguments().number("min_lr_rate")).hasValue(0.1);
        assertThat(config.run().saveSteps().of(1000)).isEqualTo(500);
        assertThat(ignored(loaded))
                .containsExactly(
                        "attn_implementation",
                        "dataset_num_proc",
                        "do_eval",
                        "gradient_checkpointing_kwargs",
                        "hub_strategy",
                        "log_level",
                        "logging_strategy",
                        "overwrite_output_dir",
                        "padding_free",
                        "push_to_hub",
                        "run_name",
                        "trust_remote_code",
                        "use_liger_kernel");
    }

    @Test
    void zephyrsIpo() throws IOException {
        ConfigLoader.Loaded loaded = load("zephyr-7b-ipo");
        assertThat(loaded.config().loss().terms()).containsExactly(new LossTerm(LossType.IPO, 1));
        assertThat(loaded.config().loss().needsReference()).isTrue();
        assertThat(loaded.config().data().maxPromptLength()).hasValue(512);
        assertThat(ignored(loaded))
                .containsExactly(
                        "do_eval",
                        "gradient_checkpointing_kwargs",
                        "hub_model_id",
                        "hub_model_revision",
                        "preprocessing_num_workers",
                        "push_to_hub_revision");
    }

    @Test
    void whatARecipeOfDataCannotHaveIsSaid() {
        assertThatThrownBy(() -> of("dataset_splits", List.of("first", "second")))
                .hasMessageContaining(
                        "dataset_splits must be a split with train in its name and one with test, got 'first' (in the program)");
        assertThatThrownBy(() -> of("dataset_mixture", Map.of("datasets", List.of(), "test_split_size", 2000)))
                .hasMessageContaining("datasets must hold datasets alone, got test_split_size")
                .hasMessageContaining("name rows to evaluate on with eval_dataset_name");
        assertThatThrownBy(() -> of("dataset_splits", List.of("train"), "dataset_train_split", "train_prefs"))
                .hasMessageContaining("dataset_train_split is set twice, by itself and by dataset_splits");
    }

    private static TrainingConfig of(Object... keys) {
        Map<String, Object> all = new java.util.HashMap<>(Map.of("model_name_or_path", "m"));
        for (int i = 0; i < keys.length; i += 2) {
            all.put((String) keys[i], keys[i + 1]);
        }
        return TrainingConfig.of(all);
    }
}
