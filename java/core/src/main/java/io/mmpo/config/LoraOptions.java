package io.mmpo.config;

import static io.mmpo.config.Checks.require;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.LoraModule;
import io.mmpo.nativelib.LoraSettings;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Training of a LoRA adapter, where enabled, in place of the model's own weights. targetModules: names as PEFT has them, or
 * all-linear alone; empty: PEFT's choice for these architectures, the query and the value projection.
 */
public record LoraOptions(
        boolean enabled, int rank, double alpha, double dropout, boolean rsLora, List<String> targetModules) {
    public static final String ALL_LINEAR = "all-linear";
    private static final Set<LoraModule> PEFT_DEFAULT = EnumSet.of(LoraModule.Q, LoraModule.V);

    public LoraOptions {
        require(
                rank >= 1 && rank <= LoraSettings.MAX_RANK,
                "lora_r",
                "must be in [1, " + LoraSettings.MAX_RANK + "]",
                rank);
        require(alpha > 0 && Double.isFinite(alpha), "lora_alpha", "must be > 0", alpha);
        require(dropout >= 0 && dropout < 1, "lora_dropout", "must be in [0, 1)", dropout);
        targetModules = List.copyOf(targetModules);
        targetModules.forEach(name -> {
            if (!name.equals(ALL_LINEAR)) {
                module(name);
            }
        });
        require(
                targetModules.size() <= 1 || !targetModules.contains(ALL_LINEAR),
                "lora_target_modules",
                "must be " + ALL_LINEAR + " alone or names of modules",
                targetModules);
    }

    /** What the keys are where they are not set. */
    public static LoraOptions defaults() {
        return ConfigLoader.lora(new Values(Map.of()));
    }

    /** The modules of every layer that get an adapter. */
    public Set<LoraModule> targets() {
        if (targetModules.isEmpty()) {
            return PEFT_DEFAULT;
        }
        if (targetModules.contains(ALL_LINEAR)) {
            return EnumSet.allOf(LoraModule.class);
        }
        Set<LoraModule> targets = EnumSet.noneOf(LoraModule.class);
        targetModules.forEach(name -> targets.add(module(name)));
        return targets;
    }

    private static LoraModule module(String name) {
        return Arrays.stream(LoraModule.values())
                .filter(module -> module.moduleName().equals(name))
                .findFirst()
                .orElseThrow(() -> MmpoException.configuration(
                        "lora_target_modules may hold %s, or be %s; got '%s'",
                        String.join(
                                ", ",
                                Arrays.stream(LoraModule.values())
                                        .map(LoraModule::moduleName)
                                        .toList()),
                        ALL_LINEAR,
                        name));
    }
}
