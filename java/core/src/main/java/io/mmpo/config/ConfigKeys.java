package io.mmpo.config;

import static io.mmpo.config.ConfigKey.of;
import static io.mmpo.config.ConfigKey.required;

import io.mmpo.spec.LossType;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.WeightType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The keys that a configuration may set, in the order of the documentation: the one place of every default. */
final class ConfigKeys {
    private ConfigKeys() {}

    private static final List<ConfigKey> MODEL_AND_DATA = List.of(
            required(
                    "model_name_or_path",
                    c -> c.model().model(),
                    "Model to train: a directory in Hugging Face's layout, or a model of a hub as `owner/name[@revision]` (docs/data.md)."),
            of(
                    "model_revision",
                    "",
                    c -> orNull(c.model().revision()),
                    "Branch, tag or commit of a model on a hub; unset: what model_name_or_path says, else `main`."),
            of(
                    "ref_model_name_or_path",
                    "",
                    c -> orNull(c.model().referenceModel()),
                    "Reference model, named as model_name_or_path is; unset: the model as it is before training."),
            of(
                    "dataset_name",
                    "",
                    c -> orNull(c.data().dataset()),
                    "Rows to train on: a file, a glob, a directory, or a data set of a hub as `owner/name[@revision]` (docs/data.md)."),
            of(
                    "datasets",
                    "",
                    c -> Mixture.toYaml(c.data().mixture()),
                    "Instead of dataset_name several of them: a list of `{path, config, split, weight, columns}` (docs/data.md)."),
            of(
                    "dataset_config",
                    "",
                    c -> orNull(c.data().config()),
                    "Configuration of the data set, where it has several."),
            of(
                    "dataset_train_split",
                    "train",
                    c -> c.data().trainSplit(),
                    "Split to train on, where the data set is a directory or lies on a hub."),
            of(
                    "dataset_test_split",
                    "test",
                    c -> c.data().testSplit(),
                    "Split to evaluate on, where the data set is a directory or lies on a hub."),
            of(
                    "eval_dataset_name",
                    "",
                    c -> orNull(c.data().evalDataset()),
                    "Rows to evaluate on, named as dataset_name is; unset: dataset_name."),
            of(
                    "cache_dir",
                    "",
                    c -> orNull(c.data().cache()),
                    "Where tokenized rows and reference log-probabilities are kept; unset: `$MMPO_CACHE`, else `~/.cache/mmpo`; `no`: nowhere."),
            of(
                    "max_length",
                    "1024",
                    c -> orNull(c.data().maxLength()),
                    "Tokens of prompt and completion together; `null`: no limit."),
            of(
                    "max_prompt_length",
                    "",
                    c -> orNull(c.data().maxPromptLength()),
                    "Tokens of a prompt; a longer one loses its beginning."),
            of(
                    "max_completion_length",
                    "",
                    c -> orNull(c.data().maxCompletionLength()),
                    "Tokens of a completion; a longer one loses its end."),
            of(
                    "truncation_mode",
                    "keep_start",
                    c -> c.data().truncationMode(),
                    "What max_length keeps: `keep_start` or `keep_end`."),
            of(
                    "packing",
                    "false",
                    c -> c.data().packing(),
                    "SFT: rows are put together to sequences of up to max_length tokens, and per_device_train_batch_size counts these."),
            of(
                    "chat_template_path",
                    "",
                    c -> orNull(c.model().chatTemplate()),
                    "File with the chat template; unset: the model's own."),
            of(
                    "device",
                    "auto",
                    c -> c.model().device().key(),
                    "Where it is computed: `cpu`; `cuda`, one GPU; `auto`, a GPU where one can be used, which the run says."),
            of(
                    "bf16",
                    "true",
                    c -> c.model().bf16(),
                    "Weights and activations in bfloat16 while computing, over float32 master weights; `false`: all in float32."),
            of(
                    "dtype",
                    "float32",
                    c -> c.model().trainedType().key(),
                    "Type of the weights that are updated, also called `torch_dtype`. `float32`: master weights; `bfloat16`: none, with bf16,"
                            + " every update is rounded as in TRL (docs/numerics.md). An adapter's own are float32 in any case."),
            of(
                    "gradient_checkpointing",
                    "selective",
                    c -> lowerCase(c.model().recompute()),
                    "What backward computes again to save memory: `none`; `selective`, normalised inputs and activations, which are cheap;"
                            + " `full`, whole layers. `true` is selective, `false` none."));

    private static final List<ConfigKey> LORA = List.of(
            of(
                    "use_peft",
                    "false",
                    c -> c.model().lora().enabled(),
                    "Train a LoRA adapter over frozen weights; `true` too where model_name_or_path is an adapter's directory, to go on"
                            + " training it."),
            of("lora_r", "16", c -> c.model().lora().rank(), "Rank r of the adapter."),
            of(
                    "lora_alpha",
                    "32",
                    c -> c.model().lora().alpha(),
                    "The adapter's product is multiplied by lora_alpha / lora_r."),
            of(
                    "lora_dropout",
                    "0.05",
                    c -> c.model().lora().dropout(),
                    "Probability that an adapter's input is dropped in training, in [0, 1)."),
            of(
                    "lora_target_modules",
                    "",
                    c -> orNull(c.model().lora().targetModules()),
                    "Linear modules of the layers, as PEFT names them: a list of names (`q_proj`), ends of names (`self_attn.q_proj`) or whole"
                            + " names (`model.layers.0.self_attn.q_proj`); `all-linear` for all of them; or one regular expression that whole"
                            + " names match; unset: `q_proj` and `v_proj`."),
            of(
                    "lora_modules_to_save",
                    "",
                    c -> orNull(c.model().lora().modulesToSave()),
                    "Of `embed_tokens` and `lm_head` what is trained whole beside the adapter and saved with it; `modules_to_save` is the same"
                            + " key."),
            of(
                    "ensure_weight_tying",
                    "false",
                    c -> c.model().lora().tied(),
                    "Where the model ties embedding and head, `lora_modules_to_save` trains one matrix for both; `false`: each becomes a"
                            + " matrix of its own, as PEFT has it."),
            of("use_rslora", "false", c -> c.model().lora().rsLora(), "Multiply by lora_alpha / √lora_r instead."));

    private static final List<ConfigKey> LOSS = List.of(
            of(
                    "loss_type",
                    "mmpo",
                    c -> c.loss().words(),
                    "`mmpo`, `dpo` (TRL's `sigmoid`), `simpo`, `sft`, `cpo`, `orpo`, or another of TRL's losses of pairs, or a list of several"
                            + " that are added up (docs/losses.md)."),
            of("loss_weights", "", c -> orNull(c.loss().weights()), "Weights of a list of losses; unset: 1 each."),
            of(
                            "beta",
                            "0.1",
                            c -> c.loss().beta(),
                            "MMPO: weight of the reference in the reward; else: inverse temperature. Above 0.")
                    .except(LossType.MMPO, "0.01"),
            of(
                    "mmpo_reward_epsilon",
                    "0.9",
                    c -> c.loss().rewardEpsilon(),
                    "MMPO: constant of the chosen response's reward."),
            of("mmpo_aux_weight", "1", c -> c.loss().auxWeight(), "MMPO: weight λ of the −log σ(s_w − s_l) term."),
            of(
                    "mmpo_normalize",
                    "batch",
                    c -> c.loss().normalize() ? "batch" : "none",
                    "MMPO: `batch` for min-max normalised rewards over the micro-batch, `none` for rewards as they are."),
            of(
                            "length_normalize",
                            "false",
                            c -> c.loss().lengthNormalize(),
                            "MMPO, SimPO: log-probabilities divided by the completion's length. SimPO is so by its authors and in TRL;"
                                    + " `false` is the form on sums that the MMPO paper compares with.")
                    .except(LossType.SIMPO, "true"),
            of(
                    "label_smoothing",
                    "0.0",
                    c -> c.loss().labelSmoothing(),
                    "DPO, SimPO, robust, exo_pair, aot: probability that a label is flipped, in [0, 0.5)."),
            of("simpo_gamma", "0.5", c -> c.loss().simpoGamma(), "SimPO: target reward margin γ."),
            of(
                    "cpo_alpha",
                    "",
                    c -> orNull(c.loss().cpoAlpha()),
                    "CPO, SimPO: weight of the chosen response's likelihood beside the loss. Beside `sigmoid`, `hinge` or `ipo` it says that"
                            + " the loss is CPO's, without a reference model. Unset: 0; `cpo`: 1."),
            of(
                    "f_divergence_type",
                    "reverse_kl",
                    c -> c.loss().divergence().word(),
                    "Losses of DPO's margin: `reverse_kl`, `forward_kl`, `js_divergence` or `alpha_divergence`."),
            of("f_alpha_divergence_coef", "0.5", c -> c.loss().divergenceAlpha(), "alpha_divergence: its α."),
            of("discopop_tau", "0.05", c -> c.loss().discopopTau(), "discopop: temperature τ of its blend."),
            of(
                    "precompute_ref_batch_size",
                    "",
                    c -> orNull(c.batches().precomputeRefBatchSize()),
                    "Rows scored at a time for reference log-probabilities; unset: per_device_train_batch_size."));

    private static final List<ConfigKey> OPTIMIZATION = List.of(
            of(
                            "learning_rate",
                            "1e-6",
                            c -> c.optimizer().learningRate(),
                            "Highest learning rate. The paper trains MMPO with 5e-4 (135M to 1B) and 1e-4 (8B).")
                    .except(LossType.SFT, "2e-5"),
            of(
                    "lr_scheduler_type",
                    "linear",
                    c -> lowerCase(c.schedule().type()),
                    "`linear`, `cosine`, `constant` or `constant_with_warmup`."),
            of(
                    "warmup_ratio",
                    "0.0",
                    c -> c.schedule().warmupRatio(),
                    "Share of the steps in which the learning rate rises from 0."),
            of(
                    "warmup_steps",
                    "0",
                    c -> c.schedule().warmupSteps(),
                    "The same as a number of steps; below 1: a share."),
            of(
                    "num_train_epochs",
                    "3.0",
                    c -> c.schedule().numTrainEpochs(),
                    "Passes over the rows; may be a fraction."),
            of(
                    "max_steps",
                    "-1",
                    c -> c.schedule().maxSteps().orElse(-1),
                    "Optimizer steps; 0 or less: as num_train_epochs says."),
            of(
                    "per_device_train_batch_size",
                    "8",
                    c -> c.batches().trainBatchSize(),
                    "Rows in a micro-batch. One of more than 1,536 tokens (on a GPU 8,192) is computed in slices of whole rows,"
                            + " and takes no more memory."),
            of(
                    "gradient_accumulation_steps",
                    "1",
                    c -> c.batches().gradientAccumulationSteps(),
                    "Micro-batches in an optimizer step."),
            of(
                    "optim",
                    "adamw_torch",
                    c -> c.optimizer().type() == OptimizerType.ADAMW_8BIT ? "adamw_8bit" : "adamw_torch",
                    "`adamw_torch` (or `adamw_torch_fused`), or `adamw_8bit` (or `adamw_bnb_8bit`): moments in 8 bits."),
            of("weight_decay", "0.0", c -> c.optimizer().weightDecay(), "Decoupled weight decay, of matrices only."),
            of("adam_beta1", "0.9", c -> c.optimizer().beta1(), "AdamW: decay of the first moment."),
            of("adam_beta2", "0.999", c -> c.optimizer().beta2(), "AdamW: decay of the second moment."),
            of("adam_epsilon", "1e-8", c -> c.optimizer().epsilon(), "AdamW: added to the denominator."),
            of(
                    "max_grad_norm",
                    "1.0",
                    c -> c.optimizer().maxGradNorm(),
                    "Norm that a gradient is clipped to; 0 or `null`: no clipping."),
            of(
                    "seed",
                    "42",
                    c -> c.run().seed(),
                    "Decides the order of the rows, and of LoRA the first weights and what is dropped."));

    private static final List<ConfigKey> OUTPUT = List.of(
            of(
                    "output_dir",
                    "trainer_output",
                    c -> c.run().outputDir(),
                    "Directory of the run: checkpoints, metrics, final model."),
            of(
                    "logging_steps",
                    "10",
                    c -> c.run().loggingSteps(),
                    "Optimizer steps between two lines of metrics; below 1: a share. The last step is always logged."),
            of("logging_first_step", "false", c -> c.run().loggingFirstStep(), "Whether the first step is logged too."),
            of(
                    "eval_strategy",
                    "no",
                    c -> lowerCase(c.run().evalStrategy()),
                    "When to evaluate: `no`, `steps` or `epoch`; where there are no rows to evaluate on, a line says that nothing is."),
            of(
                    "eval_steps",
                    "",
                    c -> orNull(c.run().evalSteps()),
                    "Optimizer steps between two evaluations; unset or 0: logging_steps."),
            of(
                    "per_device_eval_batch_size",
                    "8",
                    c -> c.batches().evalBatchSize(),
                    "Rows in a batch of evaluation, which is sliced as micro-batches are."),
            of(
                    "save_strategy",
                    "steps",
                    c -> lowerCase(c.run().saveStrategy()),
                    "When to write a checkpoint: `no`, `steps` (and after the last step) or `epoch`."),
            of(
                    "save_steps",
                    "500",
                    c -> c.run().saveSteps(),
                    "Optimizer steps between two checkpoints; below 1: a share."),
            of(
                    "save_total_limit",
                    "",
                    c -> orNull(c.run().saveTotalLimit()),
                    "Checkpoints to keep, the newest; unset or 0: all."),
            of(
                    "save_dtype",
                    "",
                    c -> c.run().savedType().map(WeightType::key).orElse(null),
                    "Type of the weights in checkpoints and final/: `float32`, `bfloat16` or `float16`; unset: of the trained ones, which is"
                            + " float32 unless dtype says otherwise. What rounding to a narrower one leaves of the training is said."),
            of(
                    "save_rounding",
                    "nearest",
                    c -> c.run().stochasticRounding() ? "stochastic" : "nearest",
                    "How weights are rounded to save_dtype: `nearest`, or `stochastic`, up or down by chance with the number as the mean,"
                            + " which keeps what was learned where the nearest loses it (docs/numerics.md)."),
            of(
                    "resume_from_checkpoint",
                    "",
                    c -> orNull(c.run().resumeFrom()),
                    "`true` to go on from the newest complete checkpoint in output_dir, or the directory of one."),
            of(
                    "resume_with_changed_config",
                    "false",
                    c -> c.run().resumeWithChangedConfig(),
                    "Go on although the checkpoint's run had other values: the new ones count from there on."));

    /** Sections of the documentation, in order. */
    static final Map<String, List<ConfigKey>> SECTIONS = new LinkedHashMap<>();

    static {
        SECTIONS.put("Model and data", MODEL_AND_DATA);
        SECTIONS.put("LoRA", LORA);
        SECTIONS.put("Loss", LOSS);
        SECTIONS.put("Optimization", OPTIMIZATION);
        SECTIONS.put("Output", OUTPUT);
    }

    static final Map<String, ConfigKey> ALL = SECTIONS.values().stream()
            .flatMap(List::stream)
            .collect(Collectors.toMap(ConfigKey::name, key -> key, (a, b) -> a, LinkedHashMap::new));

    /** The key of this name, which exists. */
    static ConfigKey named(String name) {
        return Objects.requireNonNull(ALL.get(name), name);
    }

    static String lowerCase(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private static @Nullable Object orNull(Optional<?> value) {
        return value.orElse(null);
    }

    private static @Nullable Object orNull(List<?> value) {
        return value.isEmpty() ? null : value;
    }

    private static @Nullable Object orNull(OptionalDouble value) {
        return value.isPresent() ? value.getAsDouble() : null;
    }

    private static @Nullable Object orNull(OptionalInt value) {
        return value.isPresent() ? value.getAsInt() : null;
    }
}
