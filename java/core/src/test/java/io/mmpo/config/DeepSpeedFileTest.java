package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.spec.ComputeType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * DeepSpeed's configurations in the shapes in which recipes have them: JSON with auto as transformers' documentation has it, and the
 * files of accelerate that TRL and alignment-handbook have.
 */
class DeepSpeedFileTest {
    private static final String REQUIRED = "model_name_or_path: m\ndataset_name: d.jsonl\n";

    @TempDir
    Path directory;

    private Path resource(String name) throws IOException {
        try (InputStream file = DeepSpeedFileTest.class.getResourceAsStream("deepspeed/" + name)) {
            return Files.write(directory.resolve(name), file.readAllBytes());
        }
    }

    private ConfigLoader.Loaded load(String yaml, String... overrides) throws IOException {
        Path config = Files.writeString(directory.resolve("config.yaml"), REQUIRED + yaml);
        return ConfigLoader.load(config, List.of(overrides));
    }

    private ConfigLoader.Loaded load(Path deepSpeed, String yaml) throws IOException {
        return load("deepspeed: " + deepSpeed + "\n" + yaml);
    }

    @Test
    void anEntryThatIsAlsoGivenByItselfIsSaidToBe() {
        assertThatThrownBy(() -> load(resource("zero2.json"), "deepspeed.zero_optimization.stage: 1"))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("deepspeed.zero_optimization.stage is set twice, by itself and by deepspeed (");
    }

    @Test
    void aFileOfStage2IsRead() throws IOException {
        ConfigLoader.Loaded loaded = load(resource("zero2.json"), "learning_rate: 3e-7\nbf16: true");
        TrainingConfig config = loaded.config();
        assertThat(config.ranks().zeroStage()).isEqualTo(2);
        assertThat(config.ranks().overlaps()).isFalse();
        assertThat(config.ranks().bucketBytes()).isEqualTo(800_000_000L);
        assertThat(config.ranks().reduceType()).isEqualTo(ComputeType.BFLOAT16);
        assertThat(config.batches().gradientAccumulationSteps()).isEqualTo(4);
        assertThat(config.batches().trainBatchSize()).isEqualTo(2);
        assertThat(config.optimizer().maxGradNorm()).isEqualTo(0.3);
        assertThat(config.optimizer().beta2()).isEqualTo(0.95);
        assertThat(config.optimizer().learningRate()).isEqualTo(3e-7);
        assertThat(config.model().bf16()).isTrue();
        assertThat(loaded.notices().stream().map(line -> line.split(" ")[0]))
                .containsExactly(
                        "deepspeed.steps_per_print",
                        "deepspeed.train_batch_size",
                        "deepspeed.zero_optimization.allgather_bucket_size",
                        "deepspeed.zero_optimization.allgather_partitions",
                        "deepspeed.zero_optimization.contiguous_gradients",
                        "deepspeed.zero_optimization.reduce_scatter");
        // The run's own config.yaml says what was meant, without the file.
        Path resolved = Files.writeString(directory.resolve("resolved.yaml"), config.toYaml());
        assertThat(TrainingConfig.load(resolved)).isEqualTo(config);
    }

    @Test
    void whatIsNotOfferedOfStage3IsRefusedByName() throws IOException {
        Path file = resource("zero3.json");
        String found = " (" + file + ")";
        assertThatThrownBy(() -> load(file, ""))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION))
                .hasMessageStartingWith("5 settings must be changed:")
                .hasMessageContaining("deepspeed.fp16 is not supported" + found + ": weights are bfloat16 or float32")
                .hasMessageContaining("deepspeed.zero_optimization.stage must be 0, 1 or 2, got '3'" + found
                        + ": weights are on every rank: write stage 2")
                .hasMessageContaining("deepspeed.zero_optimization.offload_optimizer is not supported" + found)
                .hasMessageContaining("deepspeed.zero_optimization.offload_param is not supported" + found)
                .hasMessageContaining(
                        "deepspeed.scheduler is not supported" + found + ": the schedule is the" + " configuration's");
    }

    @Test
    void filesOfAccelerateAreRead() throws IOException {
        ConfigLoader.Loaded loaded = load(resource("accelerate-zero2.yaml"), "");
        assertThat(loaded.config().ranks().zeroStage()).isEqualTo(2);
        assertThat(loaded.config().model().bf16()).isTrue();
        assertThat(loaded.config().batches().gradientAccumulationSteps()).isEqualTo(2);
        assertThat(loaded.notices())
                .filteredOn(line -> line.startsWith("deepspeed.num_processes"))
                .singleElement()
                .asString()
                .contains("means nothing here: mmpo launch, torchrun, SLURM or Kubernetes starts the ranks")
                .endsWith("accelerate-zero2.yaml:17)");
        Path zero3 = resource("accelerate-zero3.yaml");
        assertThatThrownBy(() -> load(zero3, ""))
                .hasMessageStartingWith("2 settings must be changed:")
                .hasMessageContaining(
                        "deepspeed.deepspeed_config.zero_stage must be 0, 1 or 2, got '3' (" + zero3 + ":3)")
                .hasMessageContaining("deepspeed.deepspeed_config.offload_param_device: cpu is not supported");
    }

    @Test
    void aMappingInTheFileIsRead() throws IOException {
        ConfigLoader.Loaded loaded = load(
                "deepspeed:\n  zero_optimization:\n    stage: 1\n  bf16:\n    enabled: false\n  fp16: {loss_scale: 0}\n");
        assertThat(loaded.config().ranks().zeroStage()).isEqualTo(1);
        assertThat(loaded.config().model().bf16()).isFalse();
        assertThat(loaded.notices()).isEmpty();
        assertThat(load("", "deepspeed={zero_optimization: {stage: 0}}")
                        .config()
                        .ranks()
                        .zeroStage())
                .isZero();
    }

    @Test
    void whatTheConfigurationSaysOtherwiseIsRefusedByName() throws IOException {
        Path file = resource("zero2.json");
        assertThatThrownBy(() -> load(file, "zero_stage: 1\nmax_grad_norm: 1.0\ngradient_accumulation_steps: 4"))
                .hasMessageStartingWith("2 settings must be changed:")
                .hasMessageContaining("zero_stage is set twice, to 2 (" + file + ") and to 1")
                .hasMessageContaining("max_grad_norm is set twice, to 0.3 (" + file + ") and to 1.0");
        // The same number in other words.
        load(file, "max_grad_norm: 0.30\ngradient_accumulation_steps: 4");
    }

    @Test
    void whatIsNoKeyOfDeepSpeedsHasASuggestion() {
        assertThatThrownBy(() -> load("deepspeed: {zero_optimisation: {stage: 2}}"))
                .hasMessageContaining("'deepspeed.zero_optimisation.stage'")
                .hasMessageContaining("did you mean deepspeed.zero_optimization.stage?");
    }

    @Test
    void rowsThatNoNumberOfRanksMakesAreRefused() {
        assertThatThrownBy(() -> load("per_device_train_batch_size: 4\ndeepspeed: {train_batch_size: 6}"))
                .hasMessageContaining(
                        "deepspeed.train_batch_size must be a multiple of per_device_train_batch_size times"
                                + " gradient_accumulation_steps, 4, got 6");
    }

    @Test
    void aFileThatIsNotThereIsNamedWithThePlaceThatNamesIt() {
        assertThatThrownBy(() -> load("deepspeed: /nowhere/zero2.json"))
                .hasMessageContaining("deepspeed (" + directory.resolve("config.yaml") + ":3): /nowhere/zero2.json")
                .hasMessageContaining("cannot be read");
        assertThatThrownBy(() -> load("deepspeed: [zero2.json, zero3.json]"))
                .hasMessageContaining("deepspeed must be a DeepSpeed configuration, or the path of one, got a list");
    }

    @Test
    void whatSwitchesItOffIsNothing() throws IOException {
        for (String off : List.of("null", "false", "{}", "''")) {
            assertThat(load("deepspeed: " + off).config()).isEqualTo(load("").config());
        }
    }
}
