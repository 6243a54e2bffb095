package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import io.mmpo.nativelib.LoraModule;
import io.mmpo.nativelib.LoraSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * PEFT's adapter_config.json of a LoRA adapter.
 *
 * @param rank r
 * @param alpha the scaling is alpha / r, or alpha / sqrt(r) where rsLora is set
 * @param dropout in [0, 1), in training
 * @param baseModel base_model_name_or_path as it is written there
 */
public record AdapterConfig(
        int rank, double alpha, double dropout, boolean rsLora, Set<LoraModule> targets, Optional<String> baseModel) {
    public static final String FILE = "adapter_config.json";
    private static final String ALL_LINEAR = "all-linear";

    public AdapterConfig {
        targets = Collections.unmodifiableSet(EnumSet.copyOf(targets));
    }

    /** Whether a directory is an adapter's. */
    public static boolean isIn(Path directory) {
        return Files.isRegularFile(directory.resolve(FILE));
    }

    /** Everything that the file says must be understood: a key that changes the computation is an error that names it. */
    public static AdapterConfig read(Path directory) {
        if (!isIn(directory)) {
            throw MmpoException.data(
                    "%s holds no %s, so it is not the directory of an adapter. Give one that PEFT's save_pretrained or mmpo train wrote.",
                    directory, FILE);
        }
        JsonObject config = JsonObject.read(directory.resolve(FILE));
        AdapterKeys.check(config);
        long rank = required(config.integer("r"), config, "r").longValue();
        double alpha = required(config.number("lora_alpha"), config, "lora_alpha");
        double dropout = config.number("lora_dropout").orElse(0.0);
        require(rank >= 1 && rank <= LoraSettings.MAX_RANK, config, "r", "in [1, " + LoraSettings.MAX_RANK + "]");
        require(alpha > 0 && Double.isFinite(alpha), config, "lora_alpha", "above 0");
        require(dropout >= 0 && dropout < 1, config, "lora_dropout", "in [0, 1)");
        return new AdapterConfig(
                (int) rank,
                alpha,
                dropout,
                config.flag("use_rslora").orElse(false),
                targets(config),
                config.text("base_model_name_or_path").filter(name -> !name.isBlank()));
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

    private static Set<LoraModule> targets(JsonObject config) {
        JsonNode value = required(config.value("target_modules"), config, "target_modules");
        if (value.isTextual() && value.asText().equals(ALL_LINEAR)) {
            return EnumSet.allOf(LoraModule.class);
        }
        if (!value.isArray() || value.isEmpty()) {
            throw AdapterKeys.notImplemented(
                    config,
                    "target_modules",
                    value,
                    "only a list of module names or \"" + ALL_LINEAR + "\" is implemented");
        }
        Set<LoraModule> targets = EnumSet.noneOf(LoraModule.class);
        for (JsonNode name : value) {
            targets.add(Arrays.stream(LoraModule.values())
                    .filter(module -> module.moduleName().equals(name.asText()))
                    .findFirst()
                    .orElseThrow(() -> AdapterKeys.notImplemented(
                            config, "target_modules", name, "only the linear modules of a layer are implemented")));
        }
        return targets;
    }

    /** seed: of the dropout masks, and of A where the adapter begins. */
    public LoraSettings settings(long seed) {
        return new LoraSettings(rank, alpha / (rsLora ? Math.sqrt(rank) : rank), dropout, seed, targets);
    }

    public List<String> targetNames() {
        return targets.stream().map(LoraModule::moduleName).toList();
    }

    AdapterConfig withBaseModel(String name) {
        return new AdapterConfig(rank, alpha, dropout, rsLora, targets, Optional.of(name));
    }

    /** As PEFT writes it. */
    ObjectNode toJson() {
        ObjectNode json = JsonFile.MAPPER.createObjectNode();
        json.putObject("alpha_pattern");
        json.put("base_model_name_or_path", baseModel.orElse(null));
        json.put("bias", "none");
        json.put("fan_in_fan_out", false);
        json.put("inference_mode", true);
        json.put("init_lora_weights", true);
        json.putNull("layers_pattern");
        json.putNull("layers_to_transform");
        if (alpha == Math.rint(alpha) && alpha < Integer.MAX_VALUE) {
            json.put("lora_alpha", (int) alpha); // PEFT's own type
        } else {
            json.put("lora_alpha", alpha);
        }
        json.put("lora_dropout", dropout);
        json.putNull("modules_to_save");
        json.put("peft_type", "LORA");
        json.put("r", rank);
        json.putObject("rank_pattern");
        ArrayNode names = json.putArray("target_modules");
        targetNames().forEach(names::add);
        json.put("task_type", "CAUSAL_LM");
        json.put("use_dora", false);
        json.put("use_rslora", rsLora);
        return json;
    }
}
