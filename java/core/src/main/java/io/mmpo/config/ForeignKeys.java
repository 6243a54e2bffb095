package io.mmpo.config;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Keys of TRL, transformers and their recipes, of today and of earlier versions, and of this project's plans, that are no
 * settings of a run here. Each is declared once, with what becomes of it, so that nothing is silently ignored. ForeignKeysTest
 * holds the declarations against the fields of TRL's and transformers' own classes.
 */
final class ForeignKeys {
    private ForeignKeys() {}

    static final Map<String, ForeignRule> ALL = new LinkedHashMap<>();

    private static void ignored(String why, String... keys) {
        declare(new ForeignRule.Ignored(why, false), keys);
    }

    /** The same without a line where it is off. */
    private static void ignoredUnlessOff(String why, String... keys) {
        declare(new ForeignRule.Ignored(why, true), keys);
    }

    /** Beside what means off nothing is accepted. */
    private static void offOnly(String mend, String... keys) {
        declare(new ForeignRule.Limited(Set.of(), mend), keys);
    }

    /** accepted: beside what means off. */
    private static void limited(Set<String> accepted, String mend, String... keys) {
        declare(new ForeignRule.Limited(accepted, mend), keys);
    }

    private static void renamed(String mend, String... keys) {
        declare(new ForeignRule.Renamed(mend), keys);
    }

    private static void declare(ForeignRule rule, String... keys) {
        for (String key : keys) {
            if (ALL.put(key, rule) != null || ConfigKeys.ALL.containsKey(key)) {
                throw new IllegalStateException(key + " is declared twice");
            }
        }
    }

    static {
        ignored(
                "rows are tokenized and collated ahead on threads of their own",
                "dataloader_pin_memory",
                "dataloader_num_workers",
                "dataloader_persistent_workers",
                "dataloader_prefetch_factor",
                "dataloader_multiprocessing_context",
                "dataloader_in_order",
                "dataset_num_proc",
                "dataset_batch_size",
                "preprocessing_num_workers",
                "preprocessing_only",
                "accelerator_config",
                "dispatch_batches",
                "split_batches");
        ignored(
                "batches are packed without padding",
                "padding_free",
                "pad_to_multiple_of",
                "pad_token",
                "padding_value",
                "label_pad_token_id",
                "group_by_length");
        ignored(
                "only the columns that are needed are read",
                "remove_unused_columns",
                "label_names",
                "length_column_name");
        ignored("reference log-probabilities are always computed once before training", "precompute_ref_log_probs");
        ignored("the model has no dropout", "disable_dropout");
        ignored("it belongs to mixture-of-experts models", "router_aux_loss_coef");
        ignored("attention is this project's own", "attn_implementation", "use_flash_attention_2");
        ignored(
                "kernels are this project's own",
                "use_liger_kernel",
                "use_liger",
                "use_liger_loss",
                "liger_kernel_config",
                "torch_compile",
                "torch_compile_backend",
                "torch_compile_mode",
                "torchdynamo",
                "torch_empty_cache_steps",
                "tf32",
                "use_cache",
                "activation_offloading",
                "use_logits_to_keep",
                "use_num_logits_to_keep",
                "gradient_checkpointing_kwargs",
                "gradient_checkpointing_use_reentrant",
                "jit_mode_eval",
                "use_ipex",
                "half_precision_backend",
                "fp16_backend",
                "fp16_opt_level");
        ignored("evaluation computes as training does", "fp16_full_eval", "bf16_full_eval");
        ignored(
                "what starts the ranks says in the environment who is who, and they share gradients as zero_stage says",
                "local_rank",
                "ddp_find_unused_parameters",
                "ddp_bucket_cap_mb",
                "ddp_broadcast_buffers",
                "ddp_static_graph",
                "ddp_backend",
                "average_tokens_across_devices",
                "log_on_each_node",
                "save_on_each_node",
                "ignore_bias_buffers",
                "ray_scope",
                "mp_parameters",
                "xpu_backend",
                "tpu_num_cores",
                "tpu_metrics_debug");
        ignored(
                "metrics are written to output_dir every logging_steps, and to what report_to names",
                "logging_strategy",
                "logging_dir",
                "project",
                "trackio_space_id",
                "trackio_bucket_id",
                "trackio_static_space_id");
        ignored(
                "the command line decides what is printed",
                "disable_tqdm",
                "log_level",
                "log_level_replica",
                "debug",
                "skip_memory_metrics",
                "sanity_check",
                "include_num_input_tokens_seen",
                "include_tokens_per_second");
        ignored("a run is named by its output_dir", "run_name");
        ignored("a value that is not finite stops the run", "logging_nan_inf_filter");
        ignored(
                "a run trains, and evaluates as eval_strategy says",
                "do_train",
                "do_eval",
                "do_predict",
                "prediction_loss_only",
                "eval_accumulation_steps",
                "eval_do_concat_batches",
                "eval_use_gather_object",
                "include_for_metrics",
                "include_inputs_for_metrics",
                "batch_eval_metrics",
                "past_index");
        ignored("runs are deterministic for a seed and a number of threads", "full_determinism");
        ignored("no code comes with a model here", "trust_remote_code", "model_code_revision");
        ignored("the order of the rows is a random one in any case", "shuffle_dataset");
        ignoredUnlessOff(
                "nothing is sent to a hub; output_dir/final can be uploaded afterwards",
                "push_to_hub",
                "hub_always_push");
        ignored(
                "nothing is sent to a hub; output_dir/final can be uploaded afterwards",
                "hub_model_id",
                "hub_model_revision",
                "hub_strategy",
                "hub_token",
                "hub_private_repo",
                "hub_revision",
                "push_to_hub_model_id",
                "push_to_hub_organization",
                "push_to_hub_token",
                "push_to_hub_revision");
        ignored(
                "weights are safetensors, and an output_dir that holds another run's files is refused",
                "save_safetensors",
                "overwrite_output_dir");
        ignored("it belongs to sync_ref_model", "ref_model_mixup_alpha", "ref_model_sync_steps");
        ignored("it belongs to a loss that is not offered", "simpo_loss_weight");
        ignored(
                "it belongs to quantized weights",
                "bnb_4bit_quant_type",
                "bnb_4bit_compute_dtype",
                "bnb_4bit_quant_storage",
                "use_bnb_nested_quant");

        // Adapters and weights.
        offOnly("LoRA is on linear modules alone; remove it", "lora_target_parameters");
        offOnly("LoRA is as it is, without DoRA; write use_dora: false", "use_dora");
        limited(Set.of("causal_lm"), "models are language models; write lora_task_type: CAUSAL_LM", "lora_task_type");
        offOnly(
                "weights are bfloat16 or float32; write bf16: true, and use_peft: true where memory is short",
                "fp16",
                "load_in_4bit",
                "load_in_8bit",
                "use_4bit",
                "use_8bit");
        offOnly("models are as their files say; remove it", "model_init_kwargs", "ref_model_init_kwargs");
        offOnly("models are decoders; remove it", "is_encoder_decoder");
        offOnly("the layers are trained without noise on the embeddings; remove it", "neftune_noise_alpha");

        // The loss.
        offOnly(
                "TRL says it today as a sum of losses: write loss_type: [sigmoid, sft] and loss_weights: [1.0, its value]",
                "rpo_alpha",
                "sft_weight");
        offOnly(
                "the reference's log-probabilities are computed once, before training, and one that follows the policy would be a second model"
                        + " in memory and in every step; write sync_ref_model: false",
                "sync_ref_model");
        offOnly("DPO has a reference model; for a loss without one write loss_type: cpo or simpo", "reference_free");
        offOnly("write label_smoothing, for loss_type dpo", "label_smoothing_factor");
        renamed(
                "SimPO's target margin is simpo_gamma here, as in TRL: write simpo_gamma with beta times this value",
                "gamma_beta_ratio");
        renamed("write simpo_gamma", "gamma");

        // Order, schedule, optimizer.
        limited(
                Set.of("random", "group_by_length"),
                "the order of the rows is a random one, by seed; write train_sampling_strategy: random",
                "train_sampling_strategy");
        offOnly("a last, smaller batch is used too; write dataloader_drop_last: false", "dataloader_drop_last");
        offOnly(
                "per_device_train_batch_size is as it is written; write auto_find_batch_size: false",
                "auto_find_batch_size");
        offOnly(
                "the optimizer is AdamW with adam_beta1, adam_beta2, adam_epsilon and weight_decay; remove it",
                "optim_args",
                "optim_target_modules");
        renamed("write optim: adamw_torch; Adafactor is not offered", "adafactor");

        // Evaluation, checkpoints, distribution.
        offOnly("evaluation is row by row; write eval_packing: false", "eval_packing");
        offOnly(
                "answers are written by mmpo generate, after a run; write generate_during_eval: false",
                "generate_during_eval");
        offOnly(
                "checkpoints hold the optimizer's state, and a run goes on exactly where one was; write false",
                "enable_jit_checkpoint",
                "ignore_data_skip",
                "restore_callback_states_from_checkpoint");
        offOnly(
                "ranks share gradients and the optimizer's state as zero_stage says (0, 1 or 2), and weights are on every rank; remove it",
                "fsdp",
                "fsdp_config",
                "fsdp_min_num_params",
                "fsdp_transformer_layer_cls_to_wrap",
                "sharded_ddp",
                "parallelism_config");
        offOnly("write device: cpu", "use_cpu", "no_cuda");
        offOnly("there is no Metal backend; write device: cpu", "use_mps_device");

        // Rows and templates.
        offOnly(
                "rows come from files on this machine or from a hub's cache; write false",
                "dataset_streaming",
                "streaming");
        offOnly("name rows to evaluate on with eval_dataset_name; remove it", "test_split_size");
        limited(
                Set.of("bfd"),
                "rows are packed whole, the longest first; write packing_strategy: bfd",
                "packing_strategy");
        offOnly("completions end with the tokenizer's end token; change eos_token there, and remove it", "eos_token");
        renamed("write dataset_text_field", "text_column");
        offOnly("rows are prepared as docs/data.md says; remove it", "dataset_kwargs", "formatting_func");
        offOnly("write the template to a file and name it with chat_template_path", "chat_template");
        offOnly(
                "the conversations are rendered as they are; remove it or add the message to the rows",
                "auto_insert_empty_system_msg");
        limited(
                Set.of("right", "left"),
                "max_length and max_prompt_length say what is cut, truncation_mode where; remove it",
                "truncation_side");

        // Names that earlier versions, other trainers and recipes have for keys of today.
        renamed("write model_name_or_path", "model_name", "model", "base_model");
        renamed("write ref_model_name_or_path", "ref_model", "ref_model_name", "reference_model");
        renamed(
                "the tokenizer is the one in the directory of model_name_or_path: put its files there",
                "tokenizer_name_or_path",
                "tokenizer_name",
                "tokenizer_revision");
        renamed("write model_name_or_path: the adapter's directory", "model_adapter_name", "adapter_name_or_path");
        renamed("write ref_model_name_or_path: the adapter's directory", "ref_adapter_name");
        renamed("write ref_model_name_or_path", "force_use_ref_model");
        renamed("remove it: it names a part of a model in PyTorch", "base_model_attribute_name");
        renamed("write dataset_name", "dataset", "dataset_path", "train_dataset");
        renamed("write dataset_train_split", "dataset_train_name");
        renamed("write dataset_test_split", "dataset_test_name");
        renamed("write eval_dataset_name", "eval_dataset");
        renamed("write dataset_config, or config in an entry of datasets", "dataset_configs");
        renamed("write max_length", "max_seq_length", "max_seq_len", "cutoff_len");
        renamed("write max_completion_length", "max_target_length");
        renamed("write per_device_train_batch_size", "per_gpu_train_batch_size", "train_batch_size", "batch_size");
        renamed("write per_device_eval_batch_size", "per_gpu_eval_batch_size", "eval_batch_size");
        renamed("write num_train_epochs", "num_epochs", "epochs");
        renamed("write loss_type", "loss", "pref_loss");
        renamed("write beta", "pref_beta", "dpo_beta");
        renamed("write lora_r", "peft_lora_r", "lora_rank");
        renamed("write lora_alpha", "peft_lora_alpha");
        renamed("write lora_dropout", "peft_lora_dropout");
        renamed("write lora_target_modules", "target_modules", "lora_target");
    }
}
