package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** lr_scheduler_kwargs: arguments of a schedule by transformers' names, numbers but for the shapes of warm-up and decay. */
public record SchedulerArguments(Map<String, Object> values) {
    public static final SchedulerArguments NONE = new SchedulerArguments(Map.of());

    static final ValueType<SchedulerArguments> TYPE = ValueType.<SchedulerArguments>of(
                    (given, before) -> read(given), arguments -> arguments.values.isEmpty() ? null : arguments.values)
            .orWhenNull(NONE);

    private static final List<String> SHAPES = List.of("warmup_type", "decay_type");
    private static final List<String> CURVES = List.of("linear", "cosine", "1-sqrt");

    public SchedulerArguments {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    public double number(String name, double otherwise) {
        return number(name).orElse(otherwise);
    }

    public OptionalDouble number(String name) {
        return values.get(name) instanceof Double number ? OptionalDouble.of(number) : OptionalDouble.empty();
    }

    public String curve(String name, String otherwise) {
        return values.get(name) instanceof String word ? word : otherwise;
    }

    /** A mapping, or JSON as a text, which transformers' command line takes. */
    private static SchedulerArguments read(Assignment given) {
        JsonNode tree = given.tree();
        if (tree == null && given.text() != null && given.text().startsWith("{")) {
            tree = YamlFile.readNested("lr_scheduler_kwargs", given.text(), given.where())
                    .tree();
        }
        if (tree == null || !tree.isObject()) {
            throw new Unreadable("must be a mapping of the schedule's arguments, {num_cycles: 0.5} say");
        }
        Map<String, Object> values = new LinkedHashMap<>();
        tree.properties().forEach(entry -> {
            if (!entry.getValue().isNull()) {
                values.put(entry.getKey(), value(entry.getKey(), entry.getValue()));
            }
        });
        return new SchedulerArguments(values);
    }

    private static Object value(String name, JsonNode given) {
        String text = given.isTextual() ? given.textValue() : given.toString();
        if (SHAPES.contains(name)) {
            if (!CURVES.contains(text)) {
                throw new Unreadable(
                        "must have " + String.join(" or ", CURVES) + " as " + name, "'" + Echo.of(text) + "'");
            }
            return text;
        }
        try {
            return ValueTypes.parseNumber(text);
        } catch (Unreadable e) {
            throw new Unreadable("must have a number as " + name, "'" + Echo.of(text) + "'");
        }
    }

    /** What transformers refuses, and what would be no learning rate. */
    void check(SchedulerType type, double learningRate, ConfigKey<?> key, Problems problems) {
        String name = ValueType.lowerCase(type);
        for (String argument : values.keySet()) {
            problems.refuse(
                    !type.arguments().contains(argument),
                    key,
                    "has %s, which lr_scheduler_type %s does not take; %s",
                    argument,
                    name,
                    type.arguments().isEmpty()
                            ? "it takes no arguments"
                            : "it takes " + String.join(", ", type.arguments()));
        }
        values.forEach((argument, value) -> problems.refuse(
                value instanceof Double number && number < 0,
                key,
                "must have a number from 0 as %s, got %s",
                argument,
                value instanceof Double number ? Echo.number(number) : value));
        switch (type) {
            case COSINE_WITH_MIN_LR, COSINE_WARMUP_WITH_MIN_LR ->
                problems.refuse(
                        number("min_lr").isPresent() == number("min_lr_rate").isPresent(),
                        key,
                        "must have one of min_lr and min_lr_rate for lr_scheduler_type %s: write {min_lr_rate: 0.1}, say",
                        name);
            case POLYNOMIAL ->
                problems.refuse(
                        lrEnd() >= learningRate,
                        key,
                        "must have an lr_end (%s) below learning_rate (%s)",
                        Echo.number(lrEnd()),
                        Echo.number(learningRate));
            case INVERSE_SQRT ->
                problems.refuse(number("timescale", 1) == 0, key, "must have a number above 0 as timescale, got 0");
            case WARMUP_STABLE_DECAY -> {
                problems.refuse(
                        number("num_decay_steps").isEmpty(),
                        key,
                        "must have num_decay_steps for lr_scheduler_type %s: write {num_decay_steps: 100}, say",
                        name);
                requireWhole("num_decay_steps", key, problems);
                requireWhole("num_stable_steps", key, problems);
            }
            default -> {}
        }
    }

    private void requireWhole(String argument, ConfigKey<?> key, Problems problems) {
        double steps = number(argument, 0);
        problems.refuse(
                steps != Math.rint(steps), key, "must have a whole number as %s, got %s", argument, Echo.number(steps));
    }

    /** polynomial: where it ends. */
    public double lrEnd() {
        return number("lr_end", 1e-7);
    }
}
