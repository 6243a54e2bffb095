package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mmpo.spec.Objective;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** The structs of mmpo/types.h. A test compares every size and offset with what a C compiler makes of the header. */
final class Layouts {
    static final StructLayout ERROR = MemoryLayout.structLayout(
                    JAVA_INT.withName("code"),
                    MemoryLayout.sequenceLayout(4092, JAVA_BYTE).withName("message"))
            .withName("mmpo_error");

    static final StructLayout TENSOR = MemoryLayout.structLayout(
                    ADDRESS.withName("name"),
                    ADDRESS.withName("data"),
                    MemoryLayout.sequenceLayout(2, JAVA_LONG).withName("shape"),
                    JAVA_INT.withName("num_dims"),
                    JAVA_INT.withName("dtype"))
            .withName("mmpo_tensor");

    static final StructLayout MODEL_CONFIG = struct(
            "mmpo_model_config",
            fields(ADDRESS, "layers"),
            fields(
                    JAVA_LONG,
                    "vocab_size",
                    "hidden_size",
                    "intermediate_size",
                    "num_layers",
                    "num_heads",
                    "num_kv_heads",
                    "head_dim",
                    "max_positions",
                    "sliding_window"),
            fields(
                    JAVA_DOUBLE,
                    "rms_norm_eps",
                    "rope_theta",
                    "rope_factor",
                    "rope_low_freq_factor",
                    "rope_high_freq_factor",
                    "rope_original_max_positions",
                    "rope_attention_factor",
                    "rope_beta_fast",
                    "rope_beta_slow"),
            fields(JAVA_INT, "rope_type", "rope_truncate", "tie_embeddings", "qkv_bias", "output_bias", "qk_norm"));

    static final StructLayout BATCH = struct(
            "mmpo_batch",
            fields(ADDRESS, "tokens", "prompt_lengths", "group_sizes", "completion_lengths"),
            fields(JAVA_LONG, "num_tokens", "num_groups", "num_completions"),
            fields(ADDRESS, "preamble"),
            fields(JAVA_LONG, "preamble_length"));

    static final StructLayout OBJECTIVE = struct(
            "mmpo_objective",
            fields(
                    JAVA_DOUBLE,
                    "beta",
                    "reward_epsilon",
                    "aux_weight",
                    "label_smoothing",
                    "gamma",
                    "discopop_tau",
                    "divergence_alpha",
                    "ld_alpha",
                    "reward_alpha",
                    "entropy_weight",
                    "scale"),
            List.of(
                    MemoryLayout.sequenceLayout(Objective.MAX_LOSSES, JAVA_DOUBLE)
                            .withName("loss_weights"),
                    MemoryLayout.sequenceLayout(Objective.MAX_LOSSES, JAVA_INT).withName("losses")),
            fields(
                    JAVA_INT,
                    "num_losses",
                    "divergence",
                    "reference_free",
                    "length_normalize",
                    "normalize",
                    "use_weighting",
                    "score_rejected"),
            List.of(MemoryLayout.paddingLayout(4)));

    static final StructLayout LORA_MODULE = struct(
            "mmpo_lora_module",
            fields(JAVA_LONG, "layer", "rank"),
            fields(JAVA_DOUBLE, "scaling"),
            fields(JAVA_INT, "module"),
            List.of(MemoryLayout.paddingLayout(4)));

    static final StructLayout LORA_CONFIG = struct(
            "mmpo_lora_config",
            fields(ADDRESS, "modules"),
            fields(JAVA_LONG, "num_modules"),
            fields(JAVA_DOUBLE, "dropout"),
            fields(JAVA_LONG, "seed"),
            fields(JAVA_INT, "whole"),
            List.of(MemoryLayout.paddingLayout(4)));

    static final StructLayout OPTIMIZER_CONFIG = struct(
            "mmpo_optimizer_config",
            fields(JAVA_DOUBLE, "beta1", "beta2", "epsilon", "weight_decay"),
            fields(JAVA_INT, "recompute", "optimizer", "no_master_weights"),
            List.of(MemoryLayout.paddingLayout(4)));

    static final StructLayout ROUNDING = struct(
            "mmpo_rounding",
            fields(JAVA_LONG, "num_weights", "num_moved", "num_kept"),
            fields(JAVA_DOUBLE, "update_squares", "rounded_squares"));

    static final StructLayout SAMPLING = struct(
            "mmpo_sampling",
            fields(JAVA_DOUBLE, "temperature", "top_p"),
            fields(JAVA_LONG, "top_k", "seed", "max_new_tokens"));

    static final StructLayout SHARDING = struct(
            "mmpo_sharding",
            fields(ADDRESS, "backend"),
            fields(JAVA_LONG, "bucket_bytes"),
            fields(JAVA_INT, "zero_stage", "reduce", "reduce_dtype", "overlap"));

    static final StructLayout RANGE = struct("mmpo_range", fields(JAVA_LONG, "begin", "count"));

    static final StructLayout DEVICE_INFO = MemoryLayout.structLayout(
                    JAVA_INT.withName("is_built"),
                    JAVA_INT.withName("bf16_is_faster"),
                    MemoryLayout.sequenceLayout(248, JAVA_BYTE).withName("description"),
                    MemoryLayout.sequenceLayout(512, JAVA_BYTE).withName("problem"))
            .withName("mmpo_device_info");

    static final List<StructLayout> ALL = List.of(
            ERROR,
            TENSOR,
            MODEL_CONFIG,
            BATCH,
            OBJECTIVE,
            LORA_MODULE,
            LORA_CONFIG,
            OPTIMIZER_CONFIG,
            SAMPLING,
            SHARDING,
            RANGE,
            DEVICE_INFO,
            ROUNDING);

    private Layouts() {}

    static long offset(StructLayout layout, String field) {
        return layout.byteOffset(MemoryLayout.PathElement.groupElement(field));
    }

    private static List<MemoryLayout> fields(ValueLayout type, String... names) {
        List<MemoryLayout> fields = new ArrayList<>();
        for (String name : names) {
            fields.add(type.withName(name));
        }
        return fields;
    }

    @SafeVarargs
    private static StructLayout struct(String name, List<? extends MemoryLayout>... fields) {
        List<MemoryLayout> all = new ArrayList<>();
        for (List<? extends MemoryLayout> some : fields) {
            all.addAll(some);
        }
        return MemoryLayout.structLayout(all.toArray(MemoryLayout[]::new)).withName(name);
    }
}
