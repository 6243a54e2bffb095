package io.mmpo.model;

import io.mmpo.spec.ModelShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Modules as PEFT's target_modules and exclude_modules name them: a list, whose entries are whole names or their ends after a dot,
 * or one regular expression over whole names.
 */
public record ModuleChoice(List<String> names, Optional<String> pattern) {
    static final String ALL_LINEAR = "all-linear";

    public ModuleChoice {
        names = List.copyOf(names);
        if (pattern.isPresent() && !pattern.get().equalsIgnoreCase(ALL_LINEAR)) {
            ModuleNamePattern.of(pattern.get()); // an IllegalArgumentException here, not in the middle of a run
        }
    }

    public static ModuleChoice names(List<String> names) {
        return new ModuleChoice(names, Optional.empty());
    }

    /** A regular expression, or all-linear. */
    public static ModuleChoice pattern(String pattern) {
        return new ModuleChoice(List.of(), Optional.of(pattern));
    }

    static final ModuleChoice NONE = names(List.of());

    boolean isEmpty() {
        return names.isEmpty() && pattern.filter(text -> !text.isEmpty()).isEmpty();
    }

    boolean isAllLinear() {
        return pattern.filter(text -> text.equalsIgnoreCase(ALL_LINEAR)).isPresent();
    }

    /** Of the names those that it holds. */
    List<String> among(List<String> modules) {
        if (isAllLinear()) {
            return modules.stream()
                    .filter(module -> ModuleNames.linear(module).isPresent())
                    .toList();
        }
        Optional<ModuleNamePattern> compiled = pattern.map(ModuleNamePattern::of);
        List<String> found = new ArrayList<>();
        for (String module : modules) {
            if (compiled.map(expression -> expression.fullMatch(module)).orElseGet(() -> holdsEndOf(module))) {
                found.add(module);
            }
        }
        return found;
    }

    /** Names of the list that no module of the model has. */
    public List<String> unmatched(ModelShape shape) {
        List<String> modules = ModuleNames.of(shape);
        return names.stream()
                .filter(name -> modules.stream().noneMatch(names(List.of(name))::holdsEndOf))
                .toList();
    }

    private boolean holdsEndOf(String module) {
        return names.stream().anyMatch(name -> module.equals(name) || module.endsWith("." + name));
    }

    /** As the key's value reads. */
    @Override
    public String toString() {
        return pattern.orElseGet(() -> String.join(", ", names));
    }
}
