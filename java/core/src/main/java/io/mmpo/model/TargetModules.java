package io.mmpo.model;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Which modules PEFT adapts: its check_target_module_exists.
 *
 * @param targets target_modules
 * @param excluded exclude_modules
 * @param layers layers_to_transform: numbers of layers; empty or absent: all. It holds for the ends of names alone, not for whole
 *     names and regular expressions
 * @param layersPattern layers_pattern: regular expressions of what stands before a layer's number; empty: anything
 */
public record TargetModules(
        ModuleChoice targets, ModuleChoice excluded, Optional<List<Long>> layers, List<String> layersPattern) {
    public TargetModules {
        layers = layers.map(List::copyOf);
        layersPattern = List.copyOf(layersPattern);
    }

    public static TargetModules of(ModuleChoice targets) {
        return new TargetModules(targets, ModuleChoice.NONE, Optional.empty(), List.of());
    }

    /** saved: modules_to_save, which no adapter may have a part in. */
    List<String> among(List<String> modules, List<String> saved) {
        Set<String> left =
                new HashSet<>(excluded.isEmpty() || excluded.isAllLinear() ? List.of() : excluded.among(modules));
        List<ModuleNamePattern> whole = ModuleNamePattern.all(
                saved.stream().map(name -> "(^|.*\\.)" + name + "($|\\..*)").toList());
        List<String> found = new ArrayList<>();
        for (String module : targets.among(modules)) {
            boolean isSaved = whole.stream().anyMatch(pattern -> pattern.matchesStart(module));
            if (!left.contains(module) && !isSaved && isInLayers(module)) {
                found.add(module);
            }
        }
        return found;
    }

    private boolean isInLayers(String module) {
        if (layers.filter(numbers -> !numbers.isEmpty()).isEmpty()
                || targets.pattern().isPresent()
                || targets.names().contains(module)) {
            return true;
        }
        List<String> patterns = layersPattern.isEmpty()
                ? List.of(".*?\\.[^.]*\\.(\\d+)\\.")
                : layersPattern.stream()
                        .map(pattern -> "(?:^|.*?\\.)" + pattern + "\\.(\\d+)\\.")
                        .toList();
        for (ModuleNamePattern pattern : ModuleNamePattern.all(patterns)) {
            String number = pattern.lastGroup(module);
            if (number != null) {
                return layers.get().contains(Long.valueOf(number));
            }
        }
        return false;
    }
}
