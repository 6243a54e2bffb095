package io.mmpo.config;

import static io.mmpo.config.ValueTypes.FLAG;
import static io.mmpo.config.ValueTypes.INTEGER;
import static io.mmpo.config.ValueTypes.MODULE_NAMES;
import static io.mmpo.config.ValueTypes.NUMBER;
import static io.mmpo.config.ValueTypes.WORDS;

import io.mmpo.MmpoException;
import io.mmpo.model.AdapterConfig;
import io.mmpo.model.ModuleChoice;
import io.mmpo.model.TargetModules;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.ModelShape;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Training of a LoRA adapter, where enabled, in place of the model's own weights. */
public record LoraOptions(Settings values) {
    public static final String ALL_LINEAR = "all-linear";

    static final Section KEYS = new Section("LoRA", LoraOptions::check);

    private static final List<String> WHOLE = List.of("embed_tokens", "model.embed_tokens", "lm_head");
    private static final List<String> PEFT_DEFAULT = List.of("q_proj", "v_proj");
    private static final Pattern NAME = Pattern.compile("[\\w.]+");

    private static final ConfigKey<Boolean> ENABLED = KEYS.key("use_peft", FLAG)
            .unset("false")
            .means(
                    "Train a LoRA adapter over frozen weights; `true` too where model_name_or_path is an adapter's directory, to go on"
                            + " training it.");

    private static final ConfigKey<Integer> RANK = ofAdapter("lora_r", INTEGER)
            .unset("16")
            .must(rank -> rank >= 1 && rank <= LoraSettings.MAX_RANK, "must be in [1, " + LoraSettings.MAX_RANK + "]")
            .means("Rank r of the adapter.");

    private static final ConfigKey<Double> ALPHA = ofAdapter("lora_alpha", NUMBER)
            .unset("32")
            .must(alpha -> alpha > 0, "must be > 0")
            .means("The adapter's product is multiplied by lora_alpha / lora_r.");

    private static final ConfigKey<Double> DROPOUT = ofAdapter("lora_dropout", NUMBER)
            .unset("0.05")
            .must(dropout -> dropout >= 0 && dropout < 1, "must be in [0, 1)")
            .means("Probability that an adapter's input is dropped in training, in [0, 1).");

    private static final ConfigKey<List<String>> TARGET_MODULES = ofAdapter("lora_target_modules", MODULE_NAMES)
            .must(
                    names -> names.size() <= 1 || !names.contains(ALL_LINEAR),
                    "must be " + ALL_LINEAR + " alone or names of modules")
            .means(
                    "Linear modules of the layers, as PEFT names them: a list of names (`q_proj`), ends of names (`self_attn.q_proj`) or whole"
                            + " names (`model.layers.0.self_attn.q_proj`); `all-linear` for all of them; or one regular expression that whole"
                            + " names match; unset: `q_proj` and `v_proj`.");

    private static final ConfigKey<List<String>> MODULES_TO_SAVE = ofAdapter("lora_modules_to_save", WORDS)
            .alsoCalled("modules_to_save")
            .must(WHOLE::containsAll, "may hold embed_tokens and lm_head, which alone can be trained whole")
            .means(
                    "Of `embed_tokens` and `lm_head` what is trained whole beside the adapter and saved with it; `modules_to_save` is the same"
                            + " key.");

    private static final ConfigKey<Boolean> TIED = ofAdapter("ensure_weight_tying", FLAG)
            .unset("false")
            .means(
                    "Where the model ties embedding and head, `lora_modules_to_save` trains one matrix for both; `false`: each becomes a matrix of"
                            + " its own, as PEFT has it.");

    private static final ConfigKey<Boolean> RS_LORA =
            ofAdapter("use_rslora", FLAG).unset("false").means("Multiply by lora_alpha / √lora_r instead.");

    public LoraOptions {
        values = values.of(KEYS);
    }

    private static <T> ConfigKey.Declaration<T> ofAdapter(String name, ValueType<T> type) {
        return KEYS.key(name, type).effective(v -> v.get(ENABLED), v -> "without use_peft: true");
    }

    /** What the keys are where they are not set. */
    public static LoraOptions defaults() {
        return new LoraOptions(SettingsReader.defaults(KEYS));
    }

    private static void check(Settings v, Problems problems) {
        try {
            choice(v.get(TARGET_MODULES)); // a regular expression is read at once
        } catch (IllegalArgumentException e) {
            problems.refuse(true, TARGET_MODULES, "cannot be read: %s; %s", e.getMessage(), TARGETS_MEND);
        }
    }

    private static final String TARGETS_MEND =
            "write names of modules (q_proj, self_attn.q_proj, model.layers.0.self_attn.q_proj), a regular expression of whole names, or"
                    + " all-linear";

    public boolean enabled() {
        return enabled(values);
    }

    static boolean enabled(Settings values) {
        return values.get(ENABLED);
    }

    /** Where {@code use_peft} was set, as the end of a sentence's first part. */
    static String place(Problems problems) {
        return problems.at(ENABLED);
    }

    public int rank() {
        return values.get(RANK);
    }

    public double alpha() {
        return values.get(ALPHA);
    }

    public double dropout() {
        return values.get(DROPOUT);
    }

    public boolean rsLora() {
        return values.get(RS_LORA);
    }

    /** As PEFT has them: whole names of modules or their ends, or alone all-linear or a regular expression; empty: PEFT's choice. */
    public List<String> targetModules() {
        return values.get(TARGET_MODULES);
    }

    /** Of embed_tokens and lm_head what is trained whole. */
    public List<String> modulesToSave() {
        return values.get(MODULES_TO_SAVE);
    }

    /** Whether embedding and head of a model that ties them stay one matrix. */
    public boolean tied() {
        return values.get(TIED);
    }

    /** One entry that is no name is all-linear or a regular expression, as TRL hands a list of one to PEFT. */
    private static ModuleChoice choice(List<String> modules) {
        if (modules.isEmpty()) {
            return ModuleChoice.names(PEFT_DEFAULT);
        }
        boolean isName = modules.size() > 1 || NAME.matcher(modules.getFirst()).matches();
        return isName ? ModuleChoice.names(modules) : ModuleChoice.pattern(modules.getFirst());
    }

    /** The adapter that the keys describe. */
    public AdapterConfig adapter() {
        return new AdapterConfig(
                rank(),
                alpha(),
                dropout(),
                rsLora(),
                TargetModules.of(choice(targetModules())),
                Map.of(),
                Map.of(),
                modulesToSave(),
                tied(),
                Optional.empty());
    }

    /** What it is on a model of this shape. seed: of A and of the dropout masks. */
    public LoraSettings settings(ModelShape shape, long seed) {
        try {
            return adapter().settings(shape, seed);
        } catch (IllegalArgumentException e) {
            throw MmpoException.of(
                    MmpoException.Kind.CONFIGURATION, e, "lora_target_modules: %s; %s", e.getMessage(), TARGETS_MEND);
        }
    }

    /** Those of the names that no module of the model has. */
    public List<String> unmatched(ModelShape shape) {
        return choice(targetModules()).unmatched(shape);
    }
}
