package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.files.UserHome;
import io.mmpo.spec.Divergence;
import io.mmpo.spec.LossTerm;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Objective;
import io.mmpo.spec.OptimizerType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigLoaderTest extends WrittenYaml {
    /** As transformers has it of output_dir; no shell sees what stands in a file. */
    @Test
    void aTildeIsTheUsersHome() {
        String home = UserHome.directory(System.getenv()).toString();
        TrainingConfig config =
                load("output_dir: ~/runs/a\neval_dataset_name: ~/b.jsonl\ncache_dir: ~/c\nref_model_name_or_path: ~/d");
        assertThat(config.run().outputDir()).isEqualTo(Path.of(home, "runs/a"));
        assertThat(config.data().evalDataset()).hasValue(home + "/b.jsonl");
        assertThat(config.data().cache()).hasValue(home + "/c");
        assertThat(config.toYaml()).contains("ref_model_name_or_path: \"" + home + "/d\"");
        List<DatasetOptions> mixed = TrainingConfig.of(
                        Map.of("model_name_or_path", "m", "datasets", List.of(Map.of("path", "~/e.jsonl"))))
                .data()
                .mixture();
        assertThat(mixed.getFirst().path()).isEqualTo(home + "/e.jsonl");
    }

    @Test
    void defaultsAreTrlsAndThePapers() {
        TrainingConfig mmpo = load("");
        assertThat(mmpo.loss().objective(0.5, true))
                .isEqualTo(new Objective(
                        List.of(new LossTerm(LossType.MMPO, 1)),
                        new Objective.Coefficients(
                                0.01,
                                0.9,
                                1,
                                0,
                                0.5,
                                0.05,
                                Divergence.REVERSE_KL,
                                0.5,
                                false,
                                false,
                                true,
                                1,
                                0,
                                false,
                                0),
                        0.5,
                        true));
        OptimizerOptions optimizer = mmpo.optimizer();
        assertThat(optimizer.type()).isEqualTo(OptimizerType.ADAMW);
        assertThat(new double[] {
                    optimizer.learningRate(),
                    optimizer.weightDecay(),
                    optimizer.beta1(),
                    optimizer.beta2(),
                    optimizer.epsilon(),
                    optimizer.maxGradNorm()
                })
                .containsExactly(1e-6, 0, 0.9, 0.999, 1e-8, 1);
        assertThat(mmpo.batches().trainBatchSize()).isEqualTo(8);
        assertThat(mmpo.batches().referenceBatchSize()).isEqualTo(8);
        assertThat(mmpo.run().loggingSteps().of(100)).isEqualTo(10);
        assertThat(mmpo.run().evalStrategy()).isEqualTo(IntervalStrategy.NO);
        assertThat(mmpo.run().saveSteps().of(1000)).isEqualTo(500);
        assertThat(mmpo.model().bf16()).isTrue();
        assertThat(mmpo.data().maxLength()).hasValue(1024);
        assertThat(load("loss_type: dpo").loss().beta()).isEqualTo(0.1);
        assertThat(load("loss_type: sft").optimizer().learningRate()).isEqualTo(2e-5);
    }

    @Test
    void overridesWinOverTheFile() throws IOException {
        Path file = write(REQUIRED + "learning_rate: 1e-4\nseed: 7\n");
        TrainingConfig config = TrainingConfig.load(file, "learning_rate=5e-4", "loss_type=\"dpo\"", "max_length=null");
        assertThat(config.optimizer().learningRate()).isEqualTo(5e-4);
        assertThat(config.loss().type()).isEqualTo(LossType.DPO);
        assertThat(config.data().maxLength()).isEmpty();
        assertThat(config.run().seed()).isEqualTo(7);
    }

    @Test
    void numbersWithoutAPointAndBareNoAreReadAsMeant() {
        TrainingConfig config =
                load("learning_rate: 5e-4\nsave_strategy: no\nbf16: off\nmax_steps: -1\nloss_type: [dpo]");
        assertThat(config.optimizer().learningRate()).isEqualTo(5e-4);
        assertThat(config.run().saveStrategy()).isEqualTo(IntervalStrategy.NO);
        assertThat(config.model().bf16()).isFalse();
        assertThat(config.schedule().maxSteps()).isEmpty();
        assertThat(config.loss().type()).isEqualTo(LossType.DPO);
        assertThat(load("save_strategy: false").run().saveStrategy()).isEqualTo(IntervalStrategy.NO);
    }

    @Test
    void theResolvedYamlReadsBackToTheSameConfiguration() throws IOException {
        TrainingConfig config = load(
                "loss_type: simpo\nlearning_rate: 3.5e-7\nlogging_steps: 0.1\nsave_total_limit: 2\nmax_length: null\n"
                        + "lr_scheduler_type: cosine\nwarmup_ratio: 0.1\noutput_dir: 'no'\nlength_normalize: true");
        Path resolved = directory.resolve("resolved.yaml");
        Files.writeString(resolved, config.toYaml());
        assertThat(TrainingConfig.load(resolved)).isEqualTo(config);
        assertThat(YamlFile.read(resolved).keySet()).isEqualTo(ConfigKeys.ALL.keySet());
    }

    @Test
    void aProgramSetsKeysWithoutAFile() {
        TrainingConfig config = TrainingConfig.of(
                Map.of("model_name_or_path", Path.of("m"), "dataset_name", "d", "beta", 0.5, "bf16", false));
        assertThat(config.loss().beta()).isEqualTo(0.5);
        assertThat(config.model().model()).isEqualTo(Path.of("m"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "learning_rat: 1|'learning_rat' (FILE:3) is not a configuration key; did you mean learning_rate?",
                "qqqqq: 1|'qqqqq' (FILE:3) is not a configuration key; docs/configuration.md lists the keys",
                "beta: 0|beta must be > 0, got 0 (FILE:3)",
                "beta: x|beta must be a number, got 'x' (FILE:3)",
                "seed: 1e3|seed must be a whole number, got '1e3' (FILE:3)",
                "seed: 010|seed must be a whole number without a 0 before it, which means octal digits to some, got '010' (FILE:3)",
                "bf16: maybe|bf16 must be true or false, got 'maybe' (FILE:3)",
                "loss_type: ppo|loss_type must be one of mmpo, dpo, simpo, sft, hinge, ipo, sigmoid_norm, exo_pair, robust, discopop, nca_pair, "
                        + "bco_pair, sppo_hard, apo_zero, apo_down, aot, aot_unpaired, orpo, cpo, got 'ppo' (FILE:3)",
                "max_length: 1|max_length must be at least 2, one token of prompt and one of completion, got 1 (FILE:3)",
                "max_prompt_length: 1024|max_prompt_length (1024) must be below max_length (1024), else nothing is left of a completion; "
                        + "raise max_length or write max_length: null (FILE:3)",
                "save_strategy: best|save_strategy must be no or steps or epoch, got 'best' (FILE:3)",
                "save_steps: 1.5|save_steps must be a whole number of steps or a share in (0, 1), got 1.5 (FILE:3)",
                "num_train_epochs: 1e9|num_train_epochs must be above 0 and at most 1000000, got 1000000000 (FILE:3)",
                "learning_rate: 1e400|learning_rate must be a number of at most 1.7976931348623157E308, got '1e400' (FILE:3)",
                "beta: 1e-400|beta must be 0 or a number of at least 4.9E-324, got '1e-400' (FILE:3)",
                "beta: .inf|beta must be a number, got '.inf' (FILE:3)",
                "lora_r: 99999999999|lora_r must be a whole number from -2147483648 to 2147483647, got '99999999999' (FILE:3)",
                "warmup_ratio: 1|warmup_ratio must be in [0, 1), got 1 (FILE:3)",
                "label_smoothing: 0.1|label_smoothing is for loss_type dpo, simpo, exo_pair, robust and aot, and loss_type is mmpo; remove it or set it to 0 (FILE:3)",
                "lora_r: 0|lora_r must be in [1, 65536], got 0 (FILE:3)",
                "lora_alpha: 0|lora_alpha must be > 0, got 0 (FILE:3)",
                "lora_dropout: 1|lora_dropout must be in [0, 1), got 1 (FILE:3)",
                "lora_target_modules: [q_proj, all-linear]|lora_target_modules must be all-linear alone or names of modules, got [q_proj, "
                        + "all-linear] (FILE:3)",
                "use_dora: true|use_dora: true is not supported (FILE:3): LoRA is as it is, without DoRA; write use_dora: false",
                "optim: adafactor|optim must be adamw_torch or adamw_8bit, got 'adafactor' (FILE:3)",
                "zero_stage: 3|zero_stage must be 0, 1 or 2, got 3 (FILE:3)",
                "learning_rate: [1, 2]|learning_rate must be one value, got a list or a mapping (FILE:3)",
                "model_name_or_path: null|model_name_or_path is set twice, at FILE:1 and FILE:3; keep one",
                "dataset_name: again|dataset_name is set twice, at FILE:2 and FILE:3; keep one",
            })
    void errorsNameKeyLineAndMend(String line, String message) throws IOException {
        Path file = write(REQUIRED + line + "\n");
        assertThatThrownBy(() -> TrainingConfig.load(file)).isInstanceOfSatisfying(MmpoException.class, e -> {
            assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION);
            assertThat(e.getMessage()).isEqualTo(message.replace("FILE", file.toString()));
        });
    }

    @Test
    void contradictionsAreErrors() {
        assertFails(
                "warmup_ratio: 0.1\nwarmup_steps: 5",
                "warmup_ratio (0.1) and warmup_steps (5) both say how long the warm-up is");
        assertFails("lr_scheduler_type: constant\nwarmup_steps: 5", "lr_scheduler_type: constant_with_warmup");
        assertFails("loss_type: dpo\nlength_normalize: true", "length_normalize is for loss_type mmpo and simpo");
    }

    @Test
    void requiredKeysOverridesAndBrokenFilesHaveMessages() throws IOException {
        Path file = write("dataset_name: d\n");
        assertThatThrownBy(() -> TrainingConfig.load(file))
                .hasMessage("model_name_or_path must be set; give it a value");
        assertThatThrownBy(() -> TrainingConfig.load(file, "beta"))
                .hasMessage("'beta' on the command line is not of the form key=value");
        assertThatThrownBy(() -> TrainingConfig.load(file, "model_name_or_path=m", "betta=1"))
                .hasMessage("'betta' (on the command line) is not a configuration key; did you mean beta?");
        Path missing = directory.resolve("missing.yaml");
        assertThatThrownBy(() -> TrainingConfig.load(missing))
                .hasMessage("There is no configuration file " + missing + "; give the path of a YAML file");
        assertFails("a: [", "is not valid YAML");
        Path list = write("- a\n");
        assertThatThrownBy(() -> TrainingConfig.load(list)).hasMessageContaining("must hold lines of the form");
    }

    @Test
    void argumentsOfAScheduleAreTransformers() throws IOException {
        TrainingConfig config =
                load("lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr_rate: 0.1, min_lr: null}");
        assertThat(config.schedule().arguments().values()).isEqualTo(Map.of("min_lr_rate", 0.1));
        assertThat(TrainingConfig.load(write(config.toYaml()))).isEqualTo(config);
        assertThat(load("lr_scheduler_type: polynomial\nlr_scheduler_kwargs: '{\"power\": 2}'")
                        .schedule()
                        .arguments()
                        .number("power"))
                .hasValue(2);
        assertFails(
                "lr_scheduler_kwargs: {power: 1}",
                "has power, which lr_scheduler_type linear does not take; it takes no arguments");
        assertFails("lr_scheduler_kwargs: 0.1", "lr_scheduler_kwargs must be a mapping of the schedule's arguments");
        assertFails("lr_scheduler_type: cosine_with_min_lr", "must have one of min_lr and min_lr_rate");
        assertFails("lr_scheduler_type: warmup_stable_decay", "must have num_decay_steps");
        assertFails(
                "lr_scheduler_type: warmup_stable_decay\nlr_scheduler_kwargs: {num_decay_steps: 1, decay_type: exp}",
                "must have linear or cosine or 1-sqrt as decay_type, got 'exp'");
        assertFails(
                "lr_scheduler_type: polynomial\nlearning_rate: 1e-7",
                "must have an lr_end (0.0000001) below learning_rate");
        assertFails(
                "lr_scheduler_type: cosine\nlr_scheduler_kwargs: {num_cycles: -1}",
                "must have a number from 0 as num_cycles, got -1");
    }

    @Test
    void datasetsAreAMixtureOfSeveral() throws IOException {
        String yaml = """
                model_name_or_path: m
                dataset_config: small
                datasets:
                - path: a.jsonl
                - path: owner/name
                  config: large
                  split: train_prefs
                  weight: 0.5
                  columns: {prompt: question, chosen: 'yes'}
                """;
        TrainingConfig config = TrainingConfig.load(write(yaml));
        assertThat(config.data().training())
                .containsExactly(
                        new DatasetOptions("a.jsonl", Optional.of("small"), "train", 1, Map.of()),
                        new DatasetOptions(
                                "owner/name",
                                Optional.of("large"),
                                "train_prefs",
                                0.5,
                                Map.of("prompt", "question", "chosen", "yes")));
        assertThat(TrainingConfig.load(write(config.toYaml()))).isEqualTo(config);
        assertThat(TrainingConfig.of(Map.of(
                                "model_name_or_path", "m", "datasets", List.of(Map.of("path", "x", "weight", 2))))
                        .data()
                        .training())
                .containsExactly(new DatasetOptions("x", Optional.empty(), "train", 2, Map.of()));
        assertThat(TrainingConfig.load(write("model_name_or_path: m\n"), "datasets=[{path: x}]")
                        .data()
                        .training())
                .containsExactly(new DatasetOptions("x", Optional.empty(), "train", 1, Map.of()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "datasets: x|datasets must be a list or a mapping, got 'x' (FILE:2)",
                "datasets: [{weigth: 1}]|datasets: 'weigth' of entry 1 (FILE:2) is not a key of a data set, did you mean weight?",
                "datasets: [{path: x}, {weight: 1}]|datasets: entry 2 (FILE:2) has no path",
                "datasets: [{path: x, weight: a}]|datasets: weight of entry 1 (FILE:2) must be a number, got 'a'",
                "datasets: [{path: x, weight: 0}]|datasets: weight must be above 0 and at most 1000, got 0 of entry 1 (FILE:2)",
                "datasets: [{path: x, split: ../y}]|datasets: split must be a name of letters, digits, _, - and ., got '../y'",
                "datasets: [{path: x, columns: a}]|columns must map names of docs/data.md to columns of the file",
                "datasets: [{path: x, path: y}]|'path' is set twice at FILE:2",
                "datasets: [{path: &a x}, {path: *a}]|uses a YAML alias",
                "seed: 1|dataset_name must be set",
                "datasets: [{path: x}] // dataset_name: y|datasets and dataset_name are both set",
            })
    void badMixturesAreNamed(String line, String message) throws IOException {
        Path file = write("model_name_or_path: m\n" + line.replace(" // ", "\n") + "\n");
        assertThatThrownBy(() -> TrainingConfig.load(file))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining(message.replace("FILE", file.toString()));
    }

    @Test
    void hostileFilesAreRefused() throws IOException {
        assertFails("seed: &a 1\nmax_steps: *a", ":4 uses a YAML alias; write the value out");
        assertFails("datasets: " + "[".repeat(100) + "]".repeat(100), "is not valid YAML");
        Path huge = write("#" + "x".repeat(2 << 20));
        assertThatThrownBy(() -> TrainingConfig.load(huge)).hasMessageContaining("a configuration has at most 1048576");
        Path binary = directory.resolve("binary.yaml");
        Files.write(binary, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
        assertThatThrownBy(() -> TrainingConfig.load(binary))
                .hasMessageContaining("binary.yaml:1 is not UTF-8 text (byte 1 of the file)");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\\tseed: 1|FILE:3 is not valid YAML: a tab stands before a key or a value; YAML is indented with spaces",
                "seed: 1~\\tbeta: 1|FILE:4 is not valid YAML: a tab stands",
                "datasets:~\\t- path: x|FILE:4 is not valid YAML: a tab stands",
                "seed: 1~beta: 1~optim: 'x\u0001'|FILE:5 holds the control character U+0001, which YAML does not allow",
                "seed: 1~  beta: 1|FILE:4 is not valid YAML: mapping values are not allowed here",
                "seed: 1~---~beta: 1|FILE:5 belongs to a second YAML document",
                "seed: 1~...~---~- beta|FILE:6 belongs to a second YAML document",
            })
    void theLineThatIsNoYamlIsNamed(String lines, String message) throws IOException {
        Path file = write(REQUIRED + lines.replace('~', '\n').replace("\\t", "\t") + "\n");
        assertThatThrownBy(() -> TrainingConfig.load(file))
                .isInstanceOf(MmpoException.class)
                .hasMessageStartingWith(message.replace("FILE", file.toString()));
    }

    @Test
    void oneDocumentMayHaveItsMarks() throws IOException {
        for (String text : List.of(
                "---\n" + REQUIRED + "...\n", "\ufeff" + REQUIRED, REQUIRED + "---\n", "# x\n---\n" + REQUIRED)) {
            assertThat(TrainingConfig.load(write(text)).model().model()).isEqualTo(Path.of("m"));
        }
    }

    @Test
    void longValuesAreNotRepeatedWhole() throws IOException {
        Path file = write(REQUIRED);
        String digits = "7".repeat(20_000);
        assertThatThrownBy(() -> TrainingConfig.load(file, "seed=" + digits))
                .hasMessage("seed must be a whole number from -9223372036854775808 to 9223372036854775807, got '"
                        + "7".repeat(60) + "… (20000 characters)' (on the command line)");
    }

    @Test
    void whatIsNotFiniteIsNoNumber() {
        assertThatThrownBy(() -> TrainingConfig.of(Map.of(
                        "model_name_or_path", "m", "dataset_name", "d", "learning_rate", Double.POSITIVE_INFINITY)))
                .hasMessage("learning_rate must be a number, got 'Infinity' (in the program)");
    }

    @Test
    void aKeyTwiceOnTheCommandLineIsAnError() throws IOException {
        Path file = write(REQUIRED + "seed: 1\n");
        assertThatThrownBy(() -> TrainingConfig.load(file, "seed=2", "beta=1", "seed=3"))
                .isInstanceOf(MmpoException.class)
                .hasMessage("seed is set twice on the command line, to '2' and to '3'; keep one");
        assertThat(TrainingConfig.load(file, "seed=2").run().seed()).isEqualTo(2);
    }

    @Test
    void keysWithoutAnEffectAreToldOnce() throws IOException {
        Path file = write(REQUIRED
                + "dataloader_pin_memory: true\nloss_type: dpo\nsimpo_gamma: 1.0\nfp16: false\nuse_peft: false\n");
        assertThat(ConfigLoader.load(file, List.of()).notices())
                .containsExactly(
                        "dataloader_pin_memory means nothing here: rows are tokenized and collated ahead on threads of their own ("
                                + file + ":3)",
                        "simpo_gamma has no effect on loss_type dpo (" + file + ":5)");
    }
}
