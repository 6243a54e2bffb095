package io.mmpo.model;

import static java.util.Map.entry;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import io.mmpo.spec.LoraSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Every key of PEFT's adapter_config.json is used, or known not to change what a trained adapter computes, or has the one
 * value that is implemented.
 */
final class AdapterKeys {
    private static final Set<String> USED = Set.of(
            "alpha_pattern",
            "base_model_name_or_path",
            "ensure_weight_tying",
            "exclude_modules",
            "layers_pattern",
            "layers_to_transform",
            "lora_alpha",
            "lora_dropout",
            "modules_to_save",
            "r",
            "rank_pattern",
            "target_modules",
            "use_rslora");

    /** About provenance, or about another key that must be off. */
    private static final Set<String> IRRELEVANT = Set.of(
            "auto_mapping",
            "eva_config", // of init_lora_weights
            "inference_mode",
            "loftq_config", // of init_lora_weights
            "megatron_core", // of megatron_config
            "peft_version",
            "qalora_group_size", // of use_qalora
            "revision",
            "runtime_config");

    /** PiSSA, OLoRA, CorDA, LoftQ change the model's own weights too; EVA chooses A and ranks, which the files have. */
    private static final OnlyValue ORDINARY_START = new OnlyValue(
            "true, false, \"gaussian\", \"orthogonal\" or \"eva\"",
            value ->
                    value.isBoolean() || Set.of("gaussian", "orthogonal", "eva").contains(value.asText()));

    private static final Map<String, OnlyValue> CHECKED = Map.ofEntries(
            entry("bias", OnlyValue.text("none")),
            entry("fan_in_fan_out", OnlyValue.FALSE),
            entry("init_lora_weights", ORDINARY_START),
            entry("lora_bias", OnlyValue.FALSE),
            entry("peft_type", OnlyValue.text("LORA")),
            entry("task_type", OnlyValue.text("CAUSAL_LM")),
            entry("use_dora", OnlyValue.FALSE),
            entry("use_qalora", OnlyValue.FALSE));

    /** PEFT's own choice for these architectures. */
    static final List<String> DEFAULT_TARGETS = List.of("q_proj", "v_proj");

    private AdapterKeys() {}

    static AdapterConfig read(JsonObject config) {
        check(config);
        double alpha = required(config.number("lora_alpha"), config, "lora_alpha");
        double dropout = config.number("lora_dropout").orElse(0.0);
        require(dropout >= 0 && dropout < 1, config, "lora_dropout", "in [0, 1)");
        int rank = rank(config, "r");
        require(isAlpha(alpha), config, "lora_alpha", "above 0");
        return new AdapterConfig(
                rank,
                alpha,
                dropout,
                config.flag("use_rslora").orElse(false),
                targets(config),
                patterns(config, "rank_pattern", AdapterKeys::rank),
                patterns(config, "alpha_pattern", AdapterKeys::alpha),
                words(config, "modules_to_save"),
                config.flag("ensure_weight_tying").orElse(false),
                config.text("base_model_name_or_path").filter(name -> !name.isBlank()));
    }

    private static void check(JsonObject config) {
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

    private static TargetModules targets(JsonObject config) {
        ModuleChoice chosen = config.value("target_modules").isEmpty()
                ? ModuleChoice.names(DEFAULT_TARGETS)
                : choice(config, "target_modules");
        Optional<List<Long>> layers = layers(config);
        List<String> layersPattern = words(config, "layers_pattern");
        if (layers.isPresent() && chosen.pattern().isPresent()) {
            throw config.wrongType(
                    "layers_to_transform",
                    "null where target_modules is a text, as PEFT wants it",
                    config.node().get("layers_to_transform"));
        }
        return new TargetModules(chosen, choice(config, "exclude_modules"), layers, layersPattern);
    }

    private static ModuleChoice choice(JsonObject config, String key) {
        Optional<String> pattern = config.value(key).filter(JsonNode::isTextual).map(JsonNode::asText);
        try {
            return pattern.map(ModuleChoice::pattern).orElseGet(() -> ModuleChoice.names(words(config, key)));
        } catch (IllegalArgumentException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s: the key \"%s\": %s. Write a list of the modules' names, or another expression.",
                    config.file(),
                    key,
                    e.getMessage());
        }
    }

    /** A list of texts, or one; none where the key is absent. */
    private static List<String> words(JsonObject config, String key) {
        List<String> words = new ArrayList<>();
        for (JsonNode word : elements(config, key)) {
            if (!word.isTextual()) {
                throw config.wrongType(key, "a list of names", config.node().get(key));
            }
            words.add(word.asText());
        }
        return words;
    }

    private static Optional<List<Long>> layers(JsonObject config) {
        List<Long> layers = new ArrayList<>();
        for (JsonNode layer : elements(config, "layers_to_transform")) {
            if (!layer.isIntegralNumber()) {
                throw config.wrongType(
                        "layers_to_transform",
                        "the number of a layer or a list of them",
                        config.node().get("layers_to_transform"));
            }
            layers.add(layer.asLong());
        }
        return config.value("layers_to_transform").map(value -> layers);
    }

    private static Iterable<JsonNode> elements(JsonObject config, String key) {
        return config.value(key)
                .<Iterable<JsonNode>>map(value -> value.isArray() ? value : List.of(value))
                .orElse(List.of());
    }

    private interface Reader<T> {
        T read(JsonObject config, String key);
    }

    private static <T> Map<String, T> patterns(JsonObject config, String key, Reader<T> reader) {
        Map<String, T> patterns = new LinkedHashMap<>();
        config.object(key)
                .ifPresent(object -> object.node()
                        .fieldNames()
                        .forEachRemaining(pattern -> patterns.put(pattern, reader.read(object, pattern))));
        try {
            ModuleNamePattern.all(List.copyOf(patterns.keySet()));
        } catch (IllegalArgumentException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA, e, "%s: the key \"%s\": %s.", config.file(), key, e.getMessage());
        }
        return patterns;
    }

    private static int rank(JsonObject config, String key) {
        long rank = required(config.integer(key), config, key);
        require(rank >= 1 && rank <= LoraSettings.MAX_RANK, config, key, "in [1, " + LoraSettings.MAX_RANK + "]");
        return (int) rank;
    }

    private static double alpha(JsonObject config, String key) {
        double alpha = required(config.number(key), config, key);
        require(isAlpha(alpha), config, key, "above 0");
        return alpha;
    }

    private static boolean isAlpha(double alpha) {
        return alpha > 0 && Double.isFinite(alpha);
    }

    private static <T> T required(Optional<T> value, JsonObject config, String key) {
        return value.orElseThrow(() -> MmpoException.data(
                "%s has no key \"%s\", which the adapter's computation needs. Fetch the file again, or add the key.",
                config.file(), key));
    }

    private static void require(boolean condition, JsonObject config, String key, String wanted) {
        if (!condition) {
            throw config.wrongType(key, wanted, config.node().get(key));
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
