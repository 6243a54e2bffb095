package io.mmpo.config;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Keys of TRL and of this project's plans that a run here cannot honour. They are told apart, so that nothing is silently
 * ignored: inert keys are accepted with one line; the others only with the value that changes nothing.
 */
final class ForeignKeys {
    private ForeignKeys() {}

    /** A key that only takes the values under which a run here does what the key says. */
    record Restricted(Set<String> accepted, String supported) {}

    private static final Map<String, String> INERT = new LinkedHashMap<>();
    private static final Map<String, Restricted> RESTRICTED = new LinkedHashMap<>();

    /** Key to the reason why it means nothing here. */
    static Map<String, String> inert() {
        return INERT;
    }

    static Map<String, Restricted> restricted() {
        return RESTRICTED;
    }

    private static void inert(String reason, String... keys) {
        for (String key : keys) {
            INERT.put(key, reason);
        }
    }

    private static void only(String accepted, String supported, String... keys) {
        Set<String> values = accepted.isEmpty() ? Set.of() : Set.of(accepted.split("\\|"));
        for (String key : keys) {
            RESTRICTED.put(key, new Restricted(values, supported));
        }
    }

    static {
        inert(
                "rows are tokenized and collated ahead on threads of their own",
                "dataloader_pin_memory",
                "dataloader_num_workers",
                "dataloader_persistent_workers",
                "dataloader_prefetch_factor",
                "dataloader_multiprocessing_context",
                "dataloader_in_order",
                "dataset_num_proc");
        inert(
                "batches are packed without padding",
                "padding_free",
                "pad_to_multiple_of",
                "pad_token",
                "group_by_length");
        inert(
                "only the columns that are needed are read",
                "remove_unused_columns",
                "label_names",
                "length_column_name");
        inert("reference log-probabilities are always computed once before training", "precompute_ref_log_probs");
        inert("the model has no dropout", "disable_dropout");
        inert("it belongs to mixture-of-experts models", "router_aux_loss_coef");
        inert("attention is this project's own", "attn_implementation");
        inert(
                "kernels are this project's own",
                "use_liger_kernel",
                "liger_kernel_config",
                "torch_compile",
                "torch_compile_backend",
                "torch_compile_mode",
                "torch_empty_cache_steps",
                "tf32",
                "use_cache",
                "activation_offloading",
                "gradient_checkpointing_kwargs",
                "accelerator_config");
        inert("evaluation computes as training does", "fp16_full_eval", "bf16_full_eval");
        inert(
                "a run is one process",
                "local_rank",
                "ddp_find_unused_parameters",
                "ddp_bucket_cap_mb",
                "ddp_broadcast_buffers",
                "ddp_static_graph",
                "ddp_backend",
                "ddp_timeout",
                "average_tokens_across_devices",
                "log_on_each_node",
                "save_on_each_node",
                "ignore_bias_buffers");
        inert(
                "the command line decides what is printed",
                "disable_tqdm",
                "log_level",
                "log_level_replica",
                "run_name",
                "project",
                "debug",
                "skip_memory_metrics",
                "include_num_input_tokens_seen");
        inert("a value that is not finite stops the run", "logging_nan_inf_filter");
        inert(
                "a run trains, and evaluates as eval_strategy says",
                "do_train",
                "do_eval",
                "do_predict",
                "prediction_loss_only",
                "eval_accumulation_steps",
                "eval_do_concat_batches",
                "eval_use_gather_object",
                "include_for_metrics",
                "batch_eval_metrics");
        inert("runs are deterministic for a seed and a number of threads", "full_determinism");
        inert("no code comes with a model here", "trust_remote_code");

        only("", "LoRA on linear modules alone", "lora_target_parameters");
        only("false", "LoRA as it is, without DoRA", "use_dora");
        only("causal_lm", "language models", "lora_task_type");
        only("false", "weights in bfloat16 or float32", "load_in_4bit", "load_in_8bit", "fp16", "use_bnb_nested_quant");
        only("false", "device: cpu, which decides it", "use_cpu", "no_cuda");
        only(
                "none|no",
                "metrics.jsonl in output_dir, that is report_to: none; TensorBoard is not there yet",
                "report_to");
        only("0", "one process, that is zero_stage: 0; distributed training is not there yet", "zero_stage");
        only(
                "",
                "one process; distributed training is not there yet",
                "deepspeed",
                "fsdp",
                "fsdp_config",
                "parallelism_config");
        only("0|0.0", "entropy_weight: 0; the entropy term is not there yet", "entropy_weight");
        only("false", "files on this machine", "dataset_streaming");
        only("", "models as their files say", "model_init_kwargs");
        only("", "loss_type: mmpo, dpo, simpo or sft", "loss_weights", "ld_alpha", "discopop_tau", "cpo_alpha");
        only("reverse_kl", "DPO with the reverse KL divergence", "f_divergence_type");
        only("", "DPO with the reverse KL divergence", "f_alpha_divergence_coef");
        only("false", "DPO without weighting", "use_weighting");
        only("false", "a reference model that stays as it is", "sync_ref_model");
        only("", "a reference model that stays as it is", "ref_model_mixup_alpha", "ref_model_sync_steps");
        only("0|0.0", "label_smoothing, for loss_type dpo", "label_smoothing_factor");
        only("", "training without noise on the embeddings", "neftune_noise_alpha");
        only("", "linear, cosine and constant schedules without further arguments", "lr_scheduler_kwargs");
        only(
                "",
                "AdamW with adam_beta1, adam_beta2, adam_epsilon and weight_decay",
                "optim_args",
                "optim_target_modules");
        only("random", "a seeded random order", "train_sampling_strategy");
        only("", "seed, which decides the order of the rows", "data_seed");
        only("false", "a last, smaller batch that is used too", "dataloader_drop_last");
        only("false", "per_device_train_batch_size as it is written", "auto_find_batch_size");
        only("steps", "logging every logging_steps", "logging_strategy");
        only("0|0.0", "evaluation from the first interval on", "eval_delay");
        only("false", "evaluation after the first interval", "eval_on_start");
        only(
                "false",
                "checkpoints with optimizer state",
                "save_only_model",
                "enable_jit_checkpoint",
                "ignore_data_skip",
                "restore_callback_states_from_checkpoint");
        only("false", "keeping the last model", "load_best_model_at_end");
        only("", "keeping the last model", "metric_for_best_model", "greater_is_better");
        only("false", "writing to output_dir", "push_to_hub", "hub_always_push");
        only(
                "",
                "writing to output_dir",
                "hub_model_id",
                "hub_strategy",
                "hub_token",
                "hub_private_repo",
                "hub_revision",
                "trackio_space_id",
                "trackio_bucket_id",
                "trackio_static_space_id");
        only("false", "evaluation row by row", "eval_packing");
        only("bfd", "the best fit, longest rows first", "packing_strategy");
        only("true", "a loss over completions only", "completion_only_loss");
        only("false", "a loss over whole completions", "assistant_only_loss");
        only("true", "a seeded random order", "shuffle_dataset");
        only("", "the end token of the tokenizer", "eos_token");
        only("text", "the column names of docs/data.md", "dataset_text_field");
        only("", "the column names of docs/data.md", "dataset_kwargs");
    }
}
