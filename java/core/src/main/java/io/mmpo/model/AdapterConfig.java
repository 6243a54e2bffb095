package io.mmpo.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.LoraTarget;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.WholeMatrix;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * PEFT's adapter_config.json of a LoRA adapter.
 *
 * @param rank r
 * @param alpha the scaling is alpha / r, or alpha / sqrt(r) where rsLora is set
 * @param dropout in [0, 1), in training
 * @param rankPattern rank_pattern: the rank of modules whose names end in what a key, a regular expression, matches
 * @param alphaPattern alpha_pattern: their alpha
 * @param modulesToSave modules_to_save: ends of the names of modules that the adapter holds whole
 * @param tied ensure_weight_tying: embedding and output head, where the model ties them, stay one matrix in the adapter
 * @param baseModel base_model_name_or_path as it is written there
 */
public record AdapterConfig(
        int rank,
        double alpha,
        double dropout,
        boolean rsLora,
        TargetModules targets,
        Map<String, Integer> rankPattern,
        Map<String, Double> alphaPattern,
        List<String> modulesToSave,
        boolean tied,
        Optional<String> baseModel) {
    public static final String FILE = "adapter_config.json";

    public AdapterConfig {
        rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern)); // the first that matches counts
        alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
        modulesToSave = List.copyOf(modulesToSave);
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
        return AdapterKeys.read(JsonObject.read(directory.resolve(FILE)));
    }

    /** The file's adapter on a model. seed: of the dropout masks. */
    public static LoraSettings settings(Path directory, ModelShape shape, long seed) {
        try {
            return read(directory).settings(shape, seed);
        } catch (IllegalArgumentException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s: %s. Use the model that the adapter was trained on, or merge it into its model with PEFT (merge_and_unload) and"
                            + " use the merged model.",
                    directory.resolve(FILE),
                    e.getMessage());
        }
    }

    /**
     * What it is on a model of this shape; an IllegalArgumentException says what the model has not, or what is not implemented.
     *
     * @param seed of the dropout masks, and of A where the adapter begins
     */
    public LoraSettings settings(ModelShape shape, long seed) {
        List<LoraTarget> found = new ArrayList<>();
        List<Map.Entry<ModuleNamePattern, Integer>> ranks = compiled(rankPattern);
        List<Map.Entry<ModuleNamePattern, Double>> alphas = compiled(alphaPattern);
        for (String module : targets.among(ModuleNames.of(shape), modulesToSave)) {
            ModuleNames.Linear linear = ModuleNames.linear(module)
                    .orElseThrow(() -> new IllegalArgumentException("target_modules (" + targets.targets() + ") holds "
                            + module + ", and LoRA is implemented for the linear modules of a layer alone"));
            int r = first(ranks, module, rank);
            double scale = first(alphas, module, alpha) / (rsLora ? Math.sqrt(r) : r);
            found.add(new LoraTarget(linear.layer(), linear.module(), r, scale));
        }
        if (found.isEmpty()) {
            throw new IllegalArgumentException(
                    "target_modules (" + targets.targets() + ") holds no module of this model, whose first are "
                            + String.join(", ", ModuleNames.of(shape).subList(5, 9)));
        }
        return new LoraSettings(found, wholeMatrices(shape), dropout, seed);
    }

    /** Of embedding and head those that modules_to_save names. */
    private Set<WholeMatrix> wholeMatrices(ModelShape shape) {
        Set<WholeMatrix> whole = EnumSet.noneOf(WholeMatrix.class);
        if (isSaved(ModuleNames.EMBEDDING)) {
            whole.add(WholeMatrix.EMBEDDING);
        }
        if (isSaved(ModuleNames.HEAD)) {
            whole.add(WholeMatrix.HEAD);
        }
        return tied && shape.tieEmbeddings() && !whole.isEmpty() ? EnumSet.of(WholeMatrix.TIED) : whole;
    }

    private boolean isSaved(String module) {
        return modulesToSave.stream().anyMatch(module::endsWith);
    }

    /** Modules that it holds whole beside embedding and head: they can be computed with, and not be trained. */
    public List<String> frozenModules(ModelShape shape) {
        return ModuleNames.of(shape).stream()
                .filter(this::isSaved)
                .filter(name -> !name.equals(ModuleNames.EMBEDDING) && !name.equals(ModuleNames.HEAD))
                .toList();
    }

    /** PEFT's get_pattern_key. */
    private static <T> List<Map.Entry<ModuleNamePattern, T>> compiled(Map<String, T> patterns) {
        return patterns.entrySet().stream()
                .map(entry -> Map.entry(ModuleNamePattern.of("(.*\\.)?(" + entry.getKey() + ")$"), entry.getValue()))
                .toList();
    }

    private static <T> T first(List<Map.Entry<ModuleNamePattern, T>> patterns, String module, T otherwise) {
        return patterns.stream()
                .filter(entry -> entry.getKey().matchesStart(module))
                .findFirst()
                .map(Map.Entry::getValue)
                .orElse(otherwise);
    }

    AdapterConfig withBaseModel(String name) {
        return new AdapterConfig(
                rank,
                alpha,
                dropout,
                rsLora,
                targets,
                rankPattern,
                alphaPattern,
                modulesToSave,
                tied,
                Optional.of(name));
    }

    /** As PEFT writes it. */
    ObjectNode toJson() {
        ObjectNode json = JsonFile.MAPPER.createObjectNode();
        ObjectNode alphas = json.putObject("alpha_pattern");
        alphaPattern.forEach((pattern, value) -> put(alphas, pattern, value));
        json.put("base_model_name_or_path", baseModel.orElse(null));
        json.put("bias", "none");
        json.put("ensure_weight_tying", tied);
        put(json, "exclude_modules", targets.excluded());
        json.put("fan_in_fan_out", false);
        json.put("inference_mode", true);
        json.put("init_lora_weights", true);
        if (targets.layersPattern().isEmpty()) {
            json.putNull("layers_pattern");
        } else {
            putAll(json.putArray("layers_pattern"), targets.layersPattern());
        }
        json.putNull("layers_to_transform");
        targets.layers().ifPresent(layers -> layers.forEach(json.putArray("layers_to_transform")::add));
        put(json, "lora_alpha", alpha);
        json.put("lora_dropout", dropout);
        put(json, "modules_to_save", ModuleChoice.names(modulesToSave));
        json.put("peft_type", "LORA");
        json.put("r", rank);
        ObjectNode ranks = json.putObject("rank_pattern");
        rankPattern.forEach(ranks::put);
        put(json, "target_modules", targets.targets());
        json.put("task_type", "CAUSAL_LM");
        json.put("use_dora", false);
        json.put("use_rslora", rsLora);
        return json;
    }

    private static void put(ObjectNode json, String key, double number) {
        if (number == Math.rint(number) && number < Integer.MAX_VALUE) {
            json.put(key, (int) number); // PEFT's own type
        } else {
            json.put(key, number);
        }
    }

    private static void put(ObjectNode json, String key, ModuleChoice choice) {
        if (choice.isEmpty()) {
            json.putNull(key);
        } else if (choice.pattern().isPresent()) {
            json.put(key, choice.pattern().get());
        } else {
            putAll(json.putArray(key), choice.names());
        }
    }

    private static void putAll(ArrayNode array, List<String> texts) {
        texts.forEach(array::add);
    }
}
