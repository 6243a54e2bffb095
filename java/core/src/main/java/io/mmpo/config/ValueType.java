package io.mmpo.config;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How the values of a key are written: read from the text or tree of a file, and turned into what YAML holds. {@link ValueTypes} has
 * those that several keys share.
 */
final class ValueType<T> {
    /** before: the values of the keys that are declared earlier, for a key whose own depend on theirs. */
    interface Reading<T> {
        T read(Assignment given, Settings before);
    }

    private final Reading<T> reading;
    private final Function<T, @Nullable Object> yaml;
    private final Optional<T> whenNull;

    private ValueType(Reading<T> reading, Function<T, @Nullable Object> yaml, Optional<T> whenNull) {
        this.reading = reading;
        this.yaml = yaml;
        this.whenNull = whenNull;
    }

    /** yaml: a number, a boolean, a list or a mapping as they are, and the text of anything else; null where it is unset. */
    static <T> ValueType<T> of(Reading<T> reading, Function<T, @Nullable Object> yaml) {
        return new ValueType<>(reading, yaml, Optional.empty());
    }

    /** One text. */
    static <T> ValueType<T> scalar(Function<String, T> parse, Function<T, @Nullable Object> yaml) {
        return of((given, before) -> parse.apply(text(given)), yaml);
    }

    /** One of some values, each with its word; further words, which no message names, mean the same ones. */
    static <T> ValueType<T> oneOf(List<T> values, Function<T, String> word, Map<String, T> furtherWords) {
        List<String> words = values.stream().map(word).toList();
        Map<String, T> byWord = new HashMap<>(furtherWords);
        values.forEach(value -> byWord.put(word.apply(value), value));
        return scalar(
                text -> {
                    // YAML 1.1 reads a bare no as false; whoever wrote false where a strategy is wanted means no.
                    String meant = text.equalsIgnoreCase("false") && byWord.containsKey("no") ? "no" : text;
                    T value = byWord.get(meant);
                    if (value == null) {
                        throw new Unreadable("must be " + String.join(" or ", words));
                    }
                    return value;
                },
                word::apply);
    }

    static <T> ValueType<T> oneOf(List<T> values, Function<T, String> word) {
        return oneOf(values, word, Map.of());
    }

    /** The constants of an enum, in lower case. */
    static <E extends Enum<E>> ValueType<E> oneOf(Class<E> constants) {
        return oneOf(Arrays.asList(constants.getEnumConstants()), ValueType::lowerCase);
    }

    /** One of two words, of which the first is true. */
    static ValueType<Boolean> either(String yes, String no) {
        return oneOf(List.of(true, false), value -> value ? yes : no);
    }

    static String lowerCase(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    /** A value, or none where the key is null, or unset without a default. */
    ValueType<Optional<T>> optional() {
        return new ValueType<>(
                (given, before) -> Optional.of(reading.read(given, before)),
                value -> value.map(yaml).orElse(null),
                Optional.of(Optional.empty()));
    }

    /** What null means, and being unset without a default; otherwise null is the default. */
    ValueType<T> orWhenNull(T value) {
        return new ValueType<>(reading, yaml, Optional.of(value));
    }

    <U> ValueType<U> as(Function<T, U> there, Function<U, T> back) {
        return new ValueType<>(
                (given, before) -> there.apply(reading.read(given, before)),
                value -> yaml.apply(back.apply(value)),
                whenNull.map(there));
    }

    T read(Assignment given, Settings before) {
        return reading.read(given, before);
    }

    Optional<T> whenNull() {
        return whenNull;
    }

    @Nullable
    Object toYaml(T value) {
        Object plain = yaml.apply(value);
        boolean isPlain = plain == null
                || plain instanceof Number
                || plain instanceof Boolean
                || plain instanceof List<?>
                || plain instanceof Map<?, ?>;
        return isPlain ? plain : plain.toString();
    }

    private static String text(Assignment given) {
        if (given.nested() || given.text() == null) {
            throw new Unreadable("must be one value", "a list or a mapping");
        }
        return given.text();
    }
}
