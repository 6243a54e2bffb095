package io.mmpo.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Every key of the configuration, in the order of docs/configuration.md. Each is declared in the record that has its accessor. */
final class ConfigKeys {
    static final List<Section> SECTIONS = List.of(
            ModelOptions.KEYS,
            DataOptions.KEYS,
            LoraOptions.KEYS,
            LossOptions.KEYS,
            OptimizerOptions.KEYS,
            ScheduleOptions.KEYS,
            BatchOptions.KEYS,
            RankOptions.KEYS,
            RunOptions.KEYS,
            TaskOptions.KEYS,
            BestModelOptions.KEYS);

    static final Map<String, ConfigKey<?>> ALL = new LinkedHashMap<>();

    private static final Map<String, ConfigKey<?>> BY_ANY_NAME = new LinkedHashMap<>();

    static {
        for (Section section : SECTIONS) {
            for (ConfigKey<?> key : section.keys()) {
                ALL.put(key.name(), key);
                enter(key.name(), key);
                key.otherNames().forEach(name -> enter(name, key));
            }
        }
    }

    private ConfigKeys() {}

    private static void enter(String name, ConfigKey<?> key) {
        if (BY_ANY_NAME.put(name, key) != null) {
            throw new IllegalStateException(name + " is declared twice");
        }
    }

    /** The key of this name, or of another one that it has too. */
    static Optional<ConfigKey<?>> named(String name) {
        return Optional.ofNullable(BY_ANY_NAME.get(name));
    }
}
