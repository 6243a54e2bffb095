package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Every key of config.json is used, or has no effect, or has the one value that is implemented: a model must not be trained as
 * something that it is not. What transformers' configuration of the architecture does not read has no effect, and is said.
 */
final class ModelKeys {
    /** Read by {@link ModelConfig} and {@link RopeConfig}. */
    private static final Set<String> USED = Set.of(
            "architectures",
            "attention_bias",
            "bos_token_id",
            "dtype",
            "eos_token_id",
            "head_dim",
            "hidden_size",
            "intermediate_size",
            "max_position_embeddings",
            "model_type",
            "num_attention_heads",
            "num_hidden_layers",
            "num_key_value_heads",
            "original_max_position_embeddings",
            "partial_rotary_factor",
            "rms_norm_eps",
            "rope_parameters",
            "rope_scaling",
            "rope_theta",
            "sliding_window",
            "tie_word_embeddings",
            "torch_dtype",
            "vocab_size");

    /** About initialisation, outputs that are not asked for, caching, provenance, or classifiers. */
    private static final Set<String> IRRELEVANT = Set.of(
            "attn_implementation",
            "finetuning_task",
            "id2label",
            "initializer_range",
            "is_decoder",
            "is_llama_config",
            "label2id",
            "max_window_layers", // of a sliding window, where AttentionKeys reads it
            "name_or_path",
            "num_labels",
            "output_attentions",
            "output_hidden_states",
            "output_scores",
            "pad_token_id",
            "prefix",
            "problem_type",
            "return_dict",
            "return_dict_in_generate",
            "sep_token_id",
            "task_specific_params",
            "tf_legacy_loss",
            "tokenizer_class",
            "torchscript",
            "transformers.js_config",
            "transformers_version",
            "unsloth_fixed",
            "unsloth_training_staged",
            "unsloth_version",
            "use_bfloat16",
            "use_cache");

    /** Generation settings, which transformers 4 wrote into every config.json. */
    private static final Set<String> GENERATION = Set.of(
            "bad_words_ids",
            "begin_suppress_tokens",
            "decoder_start_token_id",
            "diversity_penalty",
            "do_sample",
            "early_stopping",
            "encoder_no_repeat_ngram_size",
            "exponential_decay_length_penalty",
            "forced_bos_token_id",
            "forced_eos_token_id",
            "length_penalty",
            "max_length",
            "max_new_tokens",
            "min_length",
            "no_repeat_ngram_size",
            "num_beam_groups",
            "num_beams",
            "num_return_sequences",
            "remove_invalid_values",
            "repetition_penalty",
            "suppress_tokens",
            "temperature",
            "top_k",
            "top_p",
            "typical_p");

    private static final OnlyValue SILU = new OnlyValue(
            "\"silu\"", value -> value.asText().equals("silu") || value.asText().equals("swish"));
    private static final OnlyValue ONE_EXPERT =
            new OnlyValue("at most 1", value -> value.isNumber() && value.asDouble() <= 1);

    /** What transformers would compute with, and the core does not. */
    private static final Map<String, OnlyValue> CHECKED = Map.ofEntries(
            Map.entry("attention_dropout", OnlyValue.ZERO),
            Map.entry("hidden_act", SILU),
            Map.entry("is_encoder_decoder", OnlyValue.FALSE),
            Map.entry("n_routed_experts", ONE_EXPERT),
            Map.entry("num_experts", ONE_EXPERT),
            Map.entry("num_local_experts", ONE_EXPERT),
            Map.entry("per_layer_config", OnlyValue.NONE),
            Map.entry("quantization_config", OnlyValue.NONE),
            Map.entry("transformers_weights", OnlyValue.NONE));

    /** Unread by transformers, and worth a word only where the value is another one. */
    private static final Map<String, OnlyValue> USUAL = Map.of(
            "layer_types",
            new OnlyValue("\"full_attention\"", AttentionKeys::areFull),
            "pretraining_tp",
            OnlyValue.ONE);

    private ModelKeys() {}

    static void check(JsonObject config, Architecture architecture, Consumer<String> notes) {
        List<String> unread = new ArrayList<>();
        for (String key : config.keys()) {
            JsonNode value = config.node().get(key);
            OnlyValue only = architecture.readsMlpBias() && key.equals("mlp_bias") ? OnlyValue.FALSE : CHECKED.get(key);
            if (only != null) {
                if (!only.allows(value)) {
                    throw key.equals("quantization_config")
                            ? quantized(config, value)
                            : config.notImplemented(key, only.wanted(), value);
                }
            } else if (!isSilent(key, value) && !isRead(key, architecture)) {
                unread.add(key);
            }
        }
        if (!architecture.readsAttentionBias()
                && config.flag("attention_bias")
                        .filter(biased -> biased != architecture.alwaysHasQkvBias())
                        .isPresent()) {
            unread.add("attention_bias");
        }
        if (!unread.isEmpty()) {
            notes.accept("%s: keys that transformers' %s does not read have no effect: %s"
                    .formatted(config.file(), architecture.className(), String.join(", ", unread)));
        }
    }

    private static MmpoException quantized(JsonObject config, JsonNode value) {
        return MmpoException.data(
                "%s: the model is quantized (\"quantization_config\" has quant_method %s), and quantized weights are not"
                        + " implemented: they are read as F32, BF16 or F16. Choose the model that it was made from.",
                config.file(), JsonFile.describe(value.path("quant_method")));
    }

    /** Keys that begin with an underscore are transformers' notes to itself; an empty value asks for nothing. */
    private static boolean isSilent(String key, JsonNode value) {
        boolean isEmpty = value.isNull()
                || (value.isBoolean() && !value.asBoolean())
                || (value.isNumber() && value.asDouble() == 0)
                || (value.isContainerNode() && value.isEmpty());
        boolean isKnown = IRRELEVANT.contains(key) || GENERATION.contains(key) || key.startsWith("_");
        return isEmpty || isKnown || (USUAL.containsKey(key) && USUAL.get(key).allows(value));
    }

    private static boolean isRead(String key, Architecture architecture) {
        return switch (key) {
            case "sliding_window" -> architecture != Architecture.LLAMA;
            case "use_sliding_window", "layer_types" -> architecture.choosesLayersThatSlide();
            case "no_rope_layers", "no_rope_layer_interval" -> architecture == Architecture.SMOLLM3;
            default -> USED.contains(key);
        };
    }
}
