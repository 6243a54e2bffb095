package io.mmpo.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The value of every key, or of those of a section. Options are views of them. */
public final class Settings {
    private final Map<ConfigKey<?>, Object> values;

    private Settings(Map<ConfigKey<?>, Object> values) {
        this.values = Collections.unmodifiableMap(values);
    }

    static Settings none() {
        return new Settings(Map.of());
    }

    @SuppressWarnings("unchecked") // a key's value is put by with() alone, which takes one of its type
    <T> T get(ConfigKey<T> key) {
        return (T) Objects.requireNonNull(values.get(key), key.name());
    }

    boolean has(ConfigKey<?> key) {
        return values.containsKey(key);
    }

    /** Those of some sections alone. */
    Settings of(Section... sections) {
        Map<ConfigKey<?>, Object> own = new LinkedHashMap<>();
        for (Section section : sections) {
            section.keys().forEach(key -> own.put(key, get(key)));
        }
        return new Settings(own);
    }

    <T> Settings with(ConfigKey<T> key, T value) {
        Map<ConfigKey<?>, Object> changed = new LinkedHashMap<>(values);
        changed.put(key, value);
        return new Settings(changed);
    }

    /** What YAML holds for each key. */
    Map<String, Object> toYaml() {
        Map<String, Object> yaml = new LinkedHashMap<>();
        values.keySet().forEach(key -> yaml.put(key.name(), yamlOf(key)));
        return yaml;
    }

    private <T> @Nullable Object yamlOf(ConfigKey<T> key) {
        return key.type().toYaml(get(key));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Settings settings && values.equals(settings.values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    /** As a message or a failed test shows them. */
    @Override
    public String toString() {
        return toYaml().toString();
    }
}
