package io.mmpo.model;

import static java.util.Map.entry;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import java.util.Map;
import java.util.Set;

/**
 * Every key of PEFT's adapter_config.json is used, or known not to change what a trained adapter computes, or has the one
 * value that is implemented.
 */
final class AdapterKeys {
    /** Read by {@link AdapterConfig}. */
    private static final Set<String> USED =
            Set.of("base_model_name_or_path", "lora_alpha", "lora_dropout", "r", "target_modules", "use_rslora");

    /** About provenance, or about another key that must be off. */
    private static final Set<String> IRRELEVANT = Set.of(
            "auto_mapping",
            "inference_mode",
            "layers_pattern", // of layers_to_transform
            "megatron_core", // of megatron_config
            "peft_version",
            "qalora_group_size", // of use_qalora
            "revision");

    /** PiSSA, OLoRA, CorDA, LoftQ change the model's own weights too. */
    private static final OnlyValue ORDINARY_START = new OnlyValue(
            "true, false, \"gaussian\" or \"orthogonal\"",
            value -> value.isBoolean() || Set.of("gaussian", "orthogonal").contains(value.asText()));

    private static final Map<String, OnlyValue> CHECKED = Map.ofEntries(
            entry("alpha_pattern", OnlyValue.EMPTY),
            entry("bias", OnlyValue.text("none")),
            entry("fan_in_fan_out", OnlyValue.FALSE),
            entry("init_lora_weights", ORDINARY_START),
            entry("layers_to_transform", OnlyValue.EMPTY),
            entry("lora_bias", OnlyValue.FALSE),
            entry("modules_to_save", OnlyValue.EMPTY),
            entry("peft_type", OnlyValue.text("LORA")),
            entry("rank_pattern", OnlyValue.EMPTY),
            entry("task_type", OnlyValue.text("CAUSAL_LM")),
            entry("use_dora", OnlyValue.FALSE),
            entry("use_qalora", OnlyValue.FALSE));

    private AdapterKeys() {}

    static void check(JsonObject config) {
        for (String key : config.keys()) {
            JsonNode value = config.node().get(key);
            OnlyValue only = CHECKED.get(key);
            if (only != null && !only.allows(value)) {
                throw notImplemented(config, key, value, "only " + only.wanted() + " is implemented");
            }
            // PEFT has a key for every method that it knows; one that is off says nothing.
            if (only == null && !USED.contains(key) && !IRRELEVANT.contains(key) && !isOff(value)) {
                throw notImplemented(config, key, value, "it is not implemented");
            }
        }
        if (config.value("peft_type").isEmpty()) {
            throw MmpoException.data(
                    "%s has no key \"peft_type\", so it is not an adapter's. Give the directory of a LoRA adapter that PEFT or mmpo saved.",
                    config.file());
        }
    }

    private static boolean isOff(JsonNode value) {
        return value.isNull() || value.isBoolean() && !value.asBoolean() || value.isContainerNode() && value.isEmpty();
    }

    static MmpoException notImplemented(JsonObject config, String key, JsonNode found, String why) {
        return MmpoException.data(
                "%s: the key \"%s\" is %s, and %s. Train the adapter without it, or merge it into its model with PEFT"
                        + " (merge_and_unload) and use the merged model.",
                config.file(), key, JsonFile.describe(found), why);
    }
}
