package io.mmpo.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * The keys of one record of options, in the order of their declaration, which is that of docs/configuration.md, and what must hold
 * between them.
 */
final class Section {
    private final String title;
    private final BiConsumer<Settings, Problems> rules;
    private final List<ConfigKey<?>> keys = new ArrayList<>();

    /** rules: what more than one key decides; it may ask for keys of other sections too. */
    Section(String title, BiConsumer<Settings, Problems> rules) {
        this.title = title;
        this.rules = rules;
    }

    Section(String title) {
        this(title, (settings, problems) -> {});
    }

    /** Begins a declaration, which {@link ConfigKey.Declaration#means} ends. */
    <T> ConfigKey.Declaration<T> key(String name, ValueType<T> type) {
        return new ConfigKey.Declaration<>(name, type, keys::add);
    }

    String title() {
        return title;
    }

    List<ConfigKey<?>> keys() {
        return Collections.unmodifiableList(keys);
    }

    void check(Settings settings, Problems problems) {
        rules.accept(settings, problems);
    }
}
