package io.mmpo.config;

import io.mmpo.spec.LossType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A key of the configuration and all that is known of it: how its values are written, the default, which values there may be, when it
 * has an effect, whether a run that goes on may change it, and its sentence in docs/configuration.md. It is declared once, in the
 * record that has its accessor; a {@link Section} keeps the declarations.
 */
final class ConfigKey<T> {
    /** wanted: reads like "must be > 0". */
    private record Check<T>(Predicate<T> holds, String wanted) {}

    /** otherwise: ends the sentence "KEY has no effect ...". */
    private record Effect(Predicate<Settings> exists, Function<Settings, String> otherwise) {}

    private final String name;
    private final ValueType<T> type;
    private final List<String> otherNames;
    private final String fallback;
    private final Map<LossType, String> exceptions;
    private final List<Check<T>> checks;
    private final List<Effect> effects;
    private final Function<String, Optional<String>> remark;
    private final boolean mayChange;
    private final String meaning;

    private ConfigKey(Declaration<T> declaration, String meaning) {
        name = declaration.name;
        type = declaration.type;
        otherNames = List.copyOf(declaration.otherNames);
        fallback = declaration.fallback;
        exceptions = new LinkedHashMap<>(declaration.exceptions);
        checks = List.copyOf(declaration.checks);
        effects = List.copyOf(declaration.effects);
        remark = declaration.remark;
        mayChange = declaration.mayChange;
        this.meaning = meaning;
    }

    /** What a declaration says, one call a fact. */
    static final class Declaration<T> {
        private final String name;
        private final ValueType<T> type;
        private final Consumer<ConfigKey<?>> keep;
        private final List<String> otherNames = new ArrayList<>();
        private final Map<LossType, String> exceptions = new LinkedHashMap<>();
        private final List<Check<T>> checks = new ArrayList<>();
        private final List<Effect> effects = new ArrayList<>();
        private Function<String, Optional<String>> remark = text -> Optional.empty();
        private String fallback = "";
        private boolean mayChange;

        Declaration(String name, ValueType<T> type, Consumer<ConfigKey<?>> keep) {
            this.name = name;
            this.type = type;
            this.keep = keep;
        }

        /** A name that transformers or PEFT have for it. */
        Declaration<T> alsoCalled(String otherName) {
            otherNames.add(otherName);
            return this;
        }

        /** The default, as a file would have it. Without one the key is unset, or must be set where its type has no such value. */
        Declaration<T> unset(String text) {
            fallback = text;
            return this;
        }

        /** The default of one loss. */
        Declaration<T> unset(LossType loss, String text) {
            exceptions.put(loss, text);
            return this;
        }

        Declaration<T> must(Predicate<T> hold, String wanted) {
            checks.add(new Check<>(hold, wanted));
            return this;
        }

        /** Losses that read it; on the others it has no effect, which is told. */
        Declaration<T> of(Predicate<LossType> losses) {
            return effective(
                    settings -> LossOptions.types(settings).stream().anyMatch(losses),
                    settings -> "on loss_type " + String.join(", ", settings.get(LossOptions.LOSS_TYPE)));
        }

        /** Where it has an effect, and how the line that says otherwise ends. */
        Declaration<T> effective(Predicate<Settings> where, Function<Settings, String> otherwise) {
            effects.add(new Effect(where, otherwise));
            return this;
        }

        /** What a line says of a value that means less here than elsewhere: the end of a sentence that begins with key and value. */
        Declaration<T> remark(Function<String, Optional<String>> ofText) {
            remark = ofText;
            return this;
        }

        /** What is written, evaluated and kept in memory hangs on it, and nothing of what the weights become. */
        Declaration<T> mayChangeOnResuming() {
            mayChange = true;
            return this;
        }

        /** Ends the declaration with the sentence of the documentation. */
        ConfigKey<T> means(String sentence) {
            ConfigKey<T> key = new ConfigKey<>(this, sentence);
            keep.accept(key);
            return key;
        }
    }

    String name() {
        return name;
    }

    ValueType<T> type() {
        return type;
    }

    List<String> otherNames() {
        return otherNames;
    }

    String meaning() {
        return meaning;
    }

    boolean mayChangeOnResuming() {
        return mayChange;
    }

    /** The default as text; null where the key is unset, or must be set. */
    @Nullable
    String fallbackFor(LossType loss) {
        String text = exceptions.getOrDefault(loss, fallback);
        return text.isEmpty() ? null : text;
    }

    /** What is wrong with a value, as the end of a sentence that begins with the key. */
    List<String> refusals(T value) {
        Object found = type.toYaml(value);
        return checks.stream()
                .filter(check -> !check.holds().test(value))
                .map(check -> Echo.refusal(name, check.wanted(), found == null ? "nothing" : found))
                .toList();
    }

    /** Why it has no effect among these settings, if so: the end of a sentence. */
    Optional<String> noEffect(Settings settings) {
        return effects.stream()
                .filter(effect -> !effect.exists().test(settings))
                .map(effect -> effect.otherwise().apply(settings))
                .findFirst();
    }

    /** What is worth a line about a value as it was written: the end of a sentence that begins with key and value. */
    Optional<String> remark(String text) {
        return remark.apply(text);
    }

    /** The default as docs/configuration.md prints it. */
    String documentedDefault() {
        boolean isRequired = fallback.isEmpty() && type.whenNull().isEmpty();
        String common = isRequired ? "required" : fallback.isEmpty() ? "unset" : "`" + fallback + "`";
        return common
                + exceptions.entrySet().stream()
                        .map(entry -> "; %s: `%s`".formatted(ValueType.lowerCase(entry.getKey()), entry.getValue()))
                        .collect(Collectors.joining());
    }

    @Override
    public String toString() {
        return name;
    }
}
