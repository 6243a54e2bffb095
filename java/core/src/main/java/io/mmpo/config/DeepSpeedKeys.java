package io.mmpo.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/**
 * What becomes of each entry of a DeepSpeed configuration, or of the file of accelerate that holds one: read as a key of this program,
 * accepted with a line that says why it means nothing here, or refused. Names are those of {@link DeepSpeedFile}, dotted.
 */
final class DeepSpeedKeys {
    private static final String PREFIX = DeepSpeedFile.KEY + ".";

    /** key: of this program; words: a value of DeepSpeed's in its own. */
    private record Read(String key, UnaryOperator<String> words) {}

    private static final Map<String, Read> READ = new LinkedHashMap<>();
    private static final Map<String, ForeignRule> OTHERS = new LinkedHashMap<>();

    private static final Map<String, String> SWITCHES = new LinkedHashMap<>();

    private static final UnaryOperator<String> WORD = text -> text.toLowerCase(Locale.ROOT);

    private static final String NO_OFFLOAD =
            "weights, gradients and the optimizer's state stay where the rank computes; write device: none";

    private static final String NO_STAGE_3 =
            "weights are on every rank: write stage 2, and use_peft: true where memory is short";

    private DeepSpeedKeys() {}

    private static void read(String key, UnaryOperator<String> words, String... names) {
        for (String name : names) {
            READ.put(PREFIX + name, new Read(key, words));
        }
    }

    private static void ignored(String why, String... names) {
        for (String name : names) {
            OTHERS.put(PREFIX + name, new ForeignRule.Ignored(why, true));
        }
    }

    private static void refused(String mend, String... names) {
        limited(Set.of(), mend, names);
    }

    private static void limited(Set<String> accepted, String mend, String... names) {
        for (String name : names) {
            OTHERS.put(PREFIX + name, new ForeignRule.Limited(accepted, mend));
        }
    }

    static {
        read("zero_stage", DeepSpeedKeys::stage, "zero_optimization.stage", "deepspeed_config.zero_stage");
        read("overlap_comm", WORD, "zero_optimization.overlap_comm");
        read("reduce_bucket_size", DeepSpeedFile::plainNumber, "zero_optimization.reduce_bucket_size");
        read("reduce_dtype", DeepSpeedKeys::reduceType, "communication_data_type");
        read(
                "gradient_accumulation_steps",
                DeepSpeedFile::plainNumber,
                "gradient_accumulation_steps",
                "deepspeed_config.gradient_accumulation_steps");
        read("per_device_train_batch_size", DeepSpeedFile::plainNumber, "train_micro_batch_size_per_gpu");
        read("max_grad_norm", WORD, "gradient_clipping", "deepspeed_config.gradient_clipping");
        read("bf16", WORD, "bf16.enabled", "bfloat16.enabled");
        read("bf16", DeepSpeedKeys::mixedPrecision, "mixed_precision");
        read("learning_rate", WORD, "optimizer.params.lr");
        read("adam_beta1", WORD, "optimizer.params.betas.0");
        read("adam_beta2", WORD, "optimizer.params.betas.1");
        read("adam_epsilon", WORD, "optimizer.params.eps");
        read("weight_decay", WORD, "optimizer.params.weight_decay");

        ignored(
                "rows of a step are per_device_train_batch_size times gradient_accumulation_steps times the number of ranks",
                "train_batch_size");
        ignored(
                "every bucket of gradients goes to its parts' owners, and the updated parts travel in buckets as large",
                "zero_optimization.contiguous_gradients",
                "zero_optimization.allgather_partitions",
                "zero_optimization.allgather_bucket_size",
                "zero_optimization.reduce_scatter",
                "zero_optimization.round_robin_gradients",
                "zero_optimization.ignore_unused_parameters",
                "zero_optimization.elastic_checkpoint",
                "zero_optimization.load_from_fp32_weights",
                "zero_allow_untested_optimizer",
                "zero_force_ds_cpu_optimizer",
                "deepspeed_config.zero3_init_flag",
                "deepspeed_config.zero3_save_16bit_model");
        ignored(
                "it belongs to stage 3",
                "zero_optimization.sub_group_size",
                "zero_optimization.stage3_prefetch_bucket_size",
                "zero_optimization.stage3_param_persistence_threshold",
                "zero_optimization.stage3_max_live_parameters",
                "zero_optimization.stage3_max_reuse_distance",
                "zero_optimization.stage3_gather_16bit_weights_on_model_save",
                "zero_optimization.stage3_gather_fp16_weights_on_model_save");
        ignored("gradients are summed over ranks, and added up in float32", "prescale_gradients");
        limited(
                Set.of("fp32", "float32"),
                "gradients are added up in float32; write grad_accum_dtype: fp32",
                "data_types.grad_accum_dtype");
        ignored(
                "metrics are written to output_dir every logging_steps, and to what report_to names",
                "steps_per_print",
                "wall_clock_breakdown",
                "memory_breakdown",
                "dump_state",
                "flops_profiler",
                "comms_logger",
                "tensorboard",
                "wandb",
                "csv_monitor",
                "comet");
        ignored("what a layer computes again is gradient_checkpointing's matter", "activation_checkpointing");
        ignored(
                "mmpo launch, torchrun, SLURM or Kubernetes starts the ranks, each with its environment (docs/distributed.md)",
                "deepspeed_config.deepspeed_multinode_launcher",
                "deepspeed_config.deepspeed_hostfile",
                "compute_environment",
                "debug",
                "downcast_bf16",
                "dynamo_backend",
                "enable_cpu_affinity",
                "machine_rank",
                "main_process_ip",
                "main_process_port",
                "main_training_function",
                "num_machines",
                "num_processes",
                "gpu_ids",
                "rdzv_backend",
                "same_network",
                "tpu_env",
                "tpu_use_cluster",
                "tpu_use_sudo",
                "use_cpu");

        refused(
                NO_OFFLOAD,
                "zero_optimization.offload_optimizer",
                "zero_optimization.offload_param",
                "zero_optimization.cpu_offload",
                "zero_optimization.cpu_offload_params",
                "zero_optimization.cpu_offload_param",
                "deepspeed_config.offload_optimizer_device",
                "deepspeed_config.offload_param_device");
        refused("weights are bfloat16 or float32; write bf16: true", "fp16", "amp");
        refused(
                "gradients and weights are sent as reduce_dtype and the model's type say; remove it",
                "zero_optimization.zero_quantized_gradients",
                "zero_optimization.zero_quantized_weights",
                "zero_optimization.zero_quantized_nontrainable_weights",
                "zero_optimization.zero_hpz_partition_size",
                "sparse_gradients");
        limited(
                Set.of("adam", "adamw"),
                "the optimizer is AdamW, in 32 or 8 bits as optim says; write type: AdamW",
                "optimizer.type");
        refused(
                "the schedule is the configuration's: write lr_scheduler_type and warmup_steps there, and remove it",
                "scheduler");
        refused(
                "it would change what is computed, and is not offered; remove it",
                "elasticity",
                "autotuning",
                "compression_training",
                "curriculum_learning",
                "data_efficiency",
                "sparse_attention",
                "progressive_layer_drop",
                "tensor_parallel",
                "torch_autocast",
                "gradient_predivide_factor");
        limited(
                Set.of("deepspeed"),
                "the key deepspeed reads DeepSpeed's configuration, alone or in a file of accelerate's with distributed_type: DEEPSPEED",
                "distributed_type");
    }

    static {
        for (String name : List.of(
                "fp16",
                "amp",
                "elasticity",
                "autotuning",
                "curriculum_learning",
                "data_efficiency",
                "progressive_layer_drop",
                "torch_autocast",
                "flops_profiler",
                "comms_logger",
                "tensorboard",
                "wandb",
                "csv_monitor",
                "comet")) {
            SWITCHES.put(PREFIX + name, "enabled");
        }
        for (String name : List.of("offload_optimizer", "offload_param")) {
            SWITCHES.put(PREFIX + "zero_optimization." + name, "device");
        }
    }

    private static String stage(String text) {
        String stage = DeepSpeedFile.plainNumber(text);
        if (stage.equals("3")) {
            throw new Unreadable("must be 0, 1 or 2").butWrite(NO_STAGE_3);
        }
        return stage;
    }

    private static String reduceType(String text) {
        return switch (WORD.apply(text)) {
            case "fp32", "float32", "float" -> "float32";
            case "bf16", "bfp16", "bfloat16" -> "bfloat16";
            default -> throw new Unreadable("must be fp32 or bf16");
        };
    }

    private static String mixedPrecision(String text) {
        return switch (WORD.apply(text)) {
            case "bf16" -> "true";
            case "no" -> "false";
            default -> throw new Unreadable("must be bf16 or no").butWrite("weights are bfloat16 or float32");
        };
    }

    /** Whether an entry, a mapping too, has its place here: nothing below it is looked at. */
    static boolean isDeclared(String name) {
        return READ.containsKey(name) || OTHERS.containsKey(name);
    }

    /** The entry by which a mapping says whether it counts, where it does not count without it; empty elsewhere. */
    static String switchOf(String name) {
        return SWITCHES.getOrDefault(name, "");
    }

    /** What becomes of an entry that is no key of this program. */
    static Optional<ForeignRule> rule(String name) {
        return Optional.ofNullable(OTHERS.get(name));
    }

    /** The key that an entry is read as. */
    static Optional<String> target(String name) {
        return Optional.ofNullable(READ.get(name)).map(Read::key);
    }

    /** The value of an entry that is read, in this program's words. */
    static String words(String name, String text) {
        Read read = READ.get(name);
        return read == null ? text : read.words().apply(text);
    }

    /** All names that an entry may have. */
    static Set<String> names() {
        Set<String> names = new TreeSet<>(READ.keySet());
        names.addAll(OTHERS.keySet());
        return names;
    }
}
