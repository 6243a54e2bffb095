package io.mmpo.config;

import static io.mmpo.config.Checks.require;

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

/**
 * Training of a LoRA adapter, where enabled, in place of the model's own weights.
 *
 * @param targetModules as PEFT has them: whole names of modules or their ends, or alone all-linear or a regular expression; empty:
 *     PEFT's choice for these architectures, the query and the value projection
 * @param modulesToSave of embed_tokens and lm_head what is trained whole
 * @param tied embedding and head of a model that ties them stay one matrix
 */
public record LoraOptions(
        boolean enabled,
        int rank,
        double alpha,
        double dropout,
        boolean rsLora,
        List<String> targetModules,
        List<String> modulesToSave,
        boolean tied) {
    public static final String ALL_LINEAR = "all-linear";

    private static final List<String> PEFT_DEFAULT = List.of("q_proj", "v_proj");
    private static final Pattern NAME = Pattern.compile("[\\w.]+");

    public LoraOptions {
        require(
                rank >= 1 && rank <= LoraSettings.MAX_RANK,
                "lora_r",
                "must be in [1, " + LoraSettings.MAX_RANK + "]",
                rank);
        require(alpha > 0 && Double.isFinite(alpha), "lora_alpha", "must be > 0", alpha);
        require(dropout >= 0 && dropout < 1, "lora_dropout", "must be in [0, 1)", dropout);
        targetModules = List.copyOf(targetModules);
        modulesToSave = List.copyOf(modulesToSave);
        require(
                targetModules.size() <= 1 || !targetModules.contains(ALL_LINEAR),
                "lora_target_modules",
                "must be " + ALL_LINEAR + " alone or names of modules",
                targetModules);
        modulesToSave.forEach(name -> require(
                List.of("embed_tokens", "model.embed_tokens", "lm_head").contains(name),
                "lora_modules_to_save",
                "may hold embed_tokens and lm_head, which alone can be trained whole",
                name));
        choice(targetModules); // a regular expression is read at once
    }

    /** What the keys are where they are not set. */
    public static LoraOptions defaults() {
        return ConfigLoader.lora(new Values(Map.of()));
    }

    /** One entry that is no name is all-linear or a regular expression, as TRL hands a list of one to PEFT. */
    private static ModuleChoice choice(List<String> modules) {
        if (modules.isEmpty()) {
            return ModuleChoice.names(PEFT_DEFAULT);
        }
        boolean isName = modules.size() > 1 || NAME.matcher(modules.getFirst()).matches();
        try {
            return isName ? ModuleChoice.names(modules) : ModuleChoice.pattern(modules.getFirst());
        } catch (IllegalArgumentException e) {
            throw wrongTargets(e);
        }
    }

    /** The adapter that the keys describe. */
    public AdapterConfig adapter() {
        return new AdapterConfig(
                rank,
                alpha,
                dropout,
                rsLora,
                TargetModules.of(choice(targetModules)),
                Map.of(),
                Map.of(),
                modulesToSave,
                tied,
                Optional.empty());
    }

    /** What it is on a model of this shape. seed: of A and of the dropout masks. */
    public LoraSettings settings(ModelShape shape, long seed) {
        try {
            return adapter().settings(shape, seed);
        } catch (IllegalArgumentException e) {
            throw wrongTargets(e);
        }
    }

    /** Those of the names that no module of the model has. */
    public List<String> unmatched(ModelShape shape) {
        return choice(targetModules).unmatched(shape);
    }

    private static MmpoException wrongTargets(IllegalArgumentException e) {
        return MmpoException.of(
                MmpoException.Kind.CONFIGURATION,
                e,
                "lora_target_modules: %s; write names of modules (q_proj, self_attn.q_proj, model.layers.0.self_attn.q_proj),"
                        + " a regular expression of whole names, or all-linear",
                e.getMessage());
    }
}
