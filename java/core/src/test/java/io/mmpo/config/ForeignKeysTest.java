package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.MmpoException;
import io.mmpo.spec.OptimizerType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Recipes of others: every key that TRL and transformers know is known here, and what is not done is said, all of it at once. */
class ForeignKeysTest {
    private static final String REQUIRED = "model_name_or_path: m\ndataset_name: d.jsonl\n";

    @TempDir
    Path directory;

    /** peer-fields.json: the fields of the classes that TRL's commands read, by the versions that it names. */
    static List<String> fields() throws IOException {
        List<String> names = new ArrayList<>();
        try (InputStream json = ForeignKeysTest.class.getResourceAsStream("peer-fields.json")) {
            JsonNode file = new ObjectMapper().readTree(json);
            for (String part : List.of("fields", "earlier")) {
                file.get(part).forEach(list -> list.forEach(name -> names.add(name.textValue())));
            }
        }
        return names.stream().distinct().toList();
    }

    @ParameterizedTest
    @MethodSource("fields")
    void everyFieldOfThePeersIsKnown(String field) {
        assertThat(ConfigKeys.named(field).isPresent()
                        || ForeignKeys.ALL.containsKey(field)
                        || field.equals(RecipeKeys.SPLITS)
                        || field.equals(DeepSpeedFile.KEY))
                .as("%s is a setting or declared in ForeignKeys", field)
                .isTrue();
    }

    @Test
    void theListsAreWhole() throws IOException {
        assertThat(fields()).hasSizeGreaterThan(230).contains("accelerator_config", "cpo_alpha", "bnb_4bit_quant_type");
    }

    /** false, null and none ask for nothing, so they are no reason to refuse. */
    @ParameterizedTest
    @ValueSource(strings = {"null", "false", "no", "none", "0", "0.0", "[]", "{}", "''"})
    void whatIsOffIsNeverRefused(String off) throws IOException {
        StringBuilder yaml = new StringBuilder();
        ForeignKeys.ALL
                .keySet()
                .forEach(key -> yaml.append(key).append(": ").append(off).append('\n'));
        load(yaml.toString());
    }

    @Test
    void simpoIsTrlsUnlessSumsAreAskedFor() throws IOException {
        assertThat(load("loss_type: simpo").config().loss().lengthNormalize()).isTrue();
        assertThat(load("loss_type: simpo\nlength_normalize: false")
                        .config()
                        .loss()
                        .isSummedSimpo())
                .isTrue();
        assertThat(load("loss_type: mmpo").config().loss().lengthNormalize()).isFalse();
    }

    /** One run, one message: what the user has to change, in the order of the file, each with its mend. */
    @Test
    void everythingThatIsWrongIsToldAtOnce() {
        assertThatThrownBy(
                        () -> load(
                                "use_dora: true\nbeta: 0\nseed: x\nadam_beta1: 2\nadam_beta2: 3\nfoo: 1\nmax_seq_length: 512\nfp16: false"))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION))
                .hasMessage(
                        ("7 settings must be changed: (1) use_dora: true is not supported (FILE:3): LoRA is as it is, without DoRA; write"
                                        + " use_dora: false; (2) beta must be > 0, got 0 (FILE:4); (3) seed must be a whole number, got 'x' (FILE:5);"
                                        + " (4) adam_beta1 must be in [0, 1), got 2 (FILE:6); (5) adam_beta2 must be in [0, 1), got 3 (FILE:7);"
                                        + " (6) 'foo' (FILE:8) is not a configuration key; docs/configuration.md lists the keys;"
                                        + " (7) max_seq_length (FILE:9) has another name here: write max_length")
                                .replace(
                                        "FILE", directory.resolve("config.yaml").toString()));
    }

    @Test
    void whatIsIgnoredIsSaid() throws IOException {
        List<String> notices =
                load("attn_implementation: flash_attention_2\nhub_model_id: my-dpo\npush_to_hub: false\nlog_level: info\n"
                                + "do_eval: true\ngradient_checkpointing_kwargs: {use_reentrant: false}\nlogging_dir: logs\n"
                                + "eval_strategy: epoch\neval_steps: 5")
                        .notices();
        assertThat(notices.stream().map(line -> line.split(" ")[0]))
                .containsExactly(
                        "attn_implementation",
                        "do_eval",
                        "eval_steps",
                        "gradient_checkpointing_kwargs",
                        "hub_model_id",
                        "log_level",
                        "logging_dir");
        assertThat(notices).anyMatch(line -> line.contains("metrics are written to output_dir"));
        assertThat(load("report_to: none\nrun_name: null").notices()).isEmpty();
    }

    /** transformers' words for AdamW; what a paged one means here is worth a line. */
    @Test
    void wordsForAdamWAreAdamW() throws IOException {
        for (String word : List.of("adamw_torch", "adamw_torch_fused", "adamw_hf", "paged_adamw_32bit")) {
            assertThat(load("optim: " + word).config().optimizer().type())
                    .as(word)
                    .isEqualTo(OptimizerType.ADAMW);
        }
        for (String word : List.of("adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit")) {
            assertThat(load("optim: " + word).config().optimizer().type())
                    .as(word)
                    .isEqualTo(OptimizerType.ADAMW_8BIT);
        }
        assertThat(load("optim: adamw_bnb_8bit").notices()).isEmpty();
        assertThat(load("optim: paged_adamw_8bit").notices())
                .singleElement()
                .asString()
                .startsWith("optim: paged_adamw_8bit is adamw_8bit here: the updates are the same");
    }

    @Test
    void namesOfOlderVersionsSayTodays() {
        assertThatThrownBy(() ->
                        load("rpo_alpha: 1.0\nmodel_adapter_name: a\nref_adapter_name: b\nforce_use_ref_model: true"))
                .hasMessageContaining("loss_type: [sigmoid, sft] and loss_weights: [1.0, its value]")
                .hasMessageContaining("model_adapter_name (")
                .hasMessageContaining("write model_name_or_path: the adapter's directory")
                .hasMessageContaining("write ref_model_name_or_path: the adapter's directory")
                .hasMessageContaining("force_use_ref_model (");
    }

    @Test
    void whatSwitchesASettingOffIsRead() throws IOException {
        TrainingConfig config =
                load("max_steps: 0\nsave_total_limit: 0\neval_steps: 0\nmax_grad_norm: null\nlearning_rate: null\n"
                                + "warmup_steps: null\nbf16: null")
                        .config();
        assertThat(config.schedule().maxSteps()).isEmpty();
        assertThat(config.run().saveTotalLimit()).isEmpty();
        assertThat(config.run().evalSteps()).isEmpty();
        assertThat(config.optimizer().maxGradNorm()).isZero();
        assertThat(config.optimizer().learningRate()).isEqualTo(1e-6);
        assertThat(config.model().bf16()).isTrue();
    }

    private ConfigLoader.Loaded load(String lines) throws IOException {
        return ConfigLoader.load(
                Files.writeString(directory.resolve("config.yaml"), REQUIRED + lines + "\n"), List.of());
    }
}
