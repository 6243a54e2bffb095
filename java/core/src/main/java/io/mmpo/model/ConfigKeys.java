package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import java.util.Map;
import java.util.Set;

/**
 * Every key of config.json is used, or known not to change the computation, or has the one value that is implemented: a
 * model must not be trained as something that it is not.
 */
final class ConfigKeys {
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
            "partial_rotary_factor",
            "rms_norm_eps",
            "rope_parameters",
            "rope_scaling",
            "rope_theta",
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
            "max_window_layers", // of the sliding window, which is off
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
    private static final OnlyValue FULL_ATTENTION =
            new OnlyValue("\"full_attention\" in every layer", ConfigKeys::isFullAttention);

    private static final Map<String, OnlyValue> CHECKED = Map.ofEntries(
            Map.entry("add_cross_attention", OnlyValue.FALSE),
            Map.entry("attention_dropout", OnlyValue.ZERO),
            Map.entry("chunk_size_feed_forward", OnlyValue.ZERO),
            Map.entry("cross_attention_hidden_size", OnlyValue.NONE),
            Map.entry("hidden_act", SILU),
            Map.entry("is_encoder_decoder", OnlyValue.FALSE),
            Map.entry("layer_types", FULL_ATTENTION),
            Map.entry("mlp_bias", OnlyValue.FALSE),
            Map.entry("per_layer_config", OnlyValue.NONE),
            Map.entry("pretraining_tp", OnlyValue.ONE),
            Map.entry("pruned_heads", OnlyValue.EMPTY),
            Map.entry("quantization_config", OnlyValue.NONE),
            Map.entry("rope_interleaved", OnlyValue.FALSE),
            Map.entry("tie_encoder_decoder", OnlyValue.FALSE),
            Map.entry("use_mrope", OnlyValue.FALSE),
            Map.entry("use_sliding_window", OnlyValue.FALSE));

    private ConfigKeys() {}

    static void check(JsonObject config, Architecture architecture) {
        for (String key : config.keys()) {
            JsonNode value = config.node().get(key);
            OnlyValue only = CHECKED.get(key);
            if (only != null) {
                if (!only.allows(value)) {
                    throw config.notImplemented(key, only.wanted(), value);
                }
            } else if (!value.isNull() && !key.equals("sliding_window") && !isKnown(key)) {
                throw MmpoException.data(
                        "%s: mmpo does not know the key \"%s\" (%s), which may change what the model computes. If it does not, remove it"
                                + " from the file; if it does, choose another model.",
                        config.file(), key, JsonFile.describe(value));
            }
        }
        checkSlidingWindow(config, architecture);
        checkAttentionBias(config, architecture);
    }

    /** Keys that begin with an underscore are transformers' notes to itself. */
    private static boolean isKnown(String key) {
        return USED.contains(key) || IRRELEVANT.contains(key) || GENERATION.contains(key) || key.startsWith("_");
    }

    /**
     * Llama has no window. Qwen2 has one only where use_sliding_window says so, which is refused above. Mistral has one unless
     * the key is null, 4096 where it is absent; a window of all positions changes nothing.
     */
    private static void checkSlidingWindow(JsonObject config, Architecture architecture) {
        JsonNode window = config.node().get("sliding_window");
        switch (architecture) {
            case LLAMA -> {
                if (config.value("sliding_window").isPresent()) {
                    throw config.notImplemented("sliding_window", "null", window);
                }
            }
            case MISTRAL -> {
                long positions = config.requiredInteger("max_position_embeddings");
                long size =
                        window == null ? 4096 : config.integer("sliding_window").orElse(Long.MAX_VALUE);
                if (size < positions) {
                    throw MmpoException.data(
                            "%s: the key \"sliding_window\" is %s, so attention would end after %d of %d positions; this is not implemented."
                                    + " Choose a model without it; for texts shorter than the window, setting the key to null changes nothing.",
                            config.file(),
                            window == null ? "absent (4096 by default)" : JsonFile.describe(window),
                            size,
                            positions);
                }
            }
            case QWEN2 -> {}
        }
    }

    /** Mistral never has the bias and Qwen2 always has it on q, k and v, whatever the key says: it must not say otherwise. */
    private static void checkAttentionBias(JsonObject config, Architecture architecture) {
        boolean biased = architecture == Architecture.QWEN2;
        if (architecture != Architecture.LLAMA && config.flag("attention_bias").orElse(biased) != biased) {
            throw config.notImplemented(
                    "attention_bias",
                    biased + " in " + architecture.className(),
                    config.node().get("attention_bias"));
        }
    }

    private static boolean isFullAttention(JsonNode layerTypes) {
        if (!layerTypes.isArray()) {
            return false;
        }
        for (JsonNode type : layerTypes) {
            if (!type.asText().equals("full_attention")) {
                return false;
            }
        }
        return true;
    }
}
