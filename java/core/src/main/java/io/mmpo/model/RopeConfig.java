package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.spec.RopeScaling;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * The rotary embedding's constants in config.json: transformers 5 keeps them together in rope_parameters, transformers 4 has
 * rope_theta and, where frequencies are scaled, rope_scaling. Which of two spellings counts is what transformers 5 decides.
 *
 * @param dynamicFrom the positions beyond which a "dynamic" embedding is another one; up to there it is plain
 */
record RopeConfig(double theta, Optional<RopeScaling> scaling, Optional<Long> dynamicFrom) {
    private static final double BETA_FAST = 32;
    private static final double BETA_SLOW = 1;
    private static final String ORIGINAL = "original_max_position_embeddings";
    private static final Set<String> COMMON_KEYS = Set.of("rope_theta", "rope_type", "type", "partial_rotary_factor");

    /** maxPositions: of config.json, which many types fall back on. notes: what has no effect. */
    static RopeConfig read(JsonObject config, Architecture architecture, long maxPositions, Consumer<String> notes) {
        JsonObject rope = chosen(config, notes);
        requireNotNested(rope);
        double theta = choose(
                        config,
                        "rope_theta",
                        rope.number("rope_theta"),
                        config.number("rope_theta"),
                        rope.prefix() + "rope_theta",
                        notes)
                .orElse(architecture.ropeTheta());
        String type = choose(
                        rope,
                        "rope_type",
                        rope.text("rope_type"),
                        rope.text("type"),
                        rope.prefix() + "rope_type",
                        notes)
                .orElse("default");
        noteUnknownKeys(rope, type, notes);
        checkPartialRotation(config, rope, type, notes);
        try {
            return new RopeConfig(
                    theta,
                    scaling(config, rope, type, maxPositions),
                    type.equals("dynamic") ? Optional.of(maxPositions) : Optional.empty());
        } catch (IllegalArgumentException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s: %s. Fetch the file again, or correct it.",
                    rope.file(),
                    e.getMessage());
        }
    }

    /** transformers takes rope_scaling before rope_parameters, whole; an empty object is none. */
    private static JsonObject chosen(JsonObject config, Consumer<String> notes) {
        Optional<JsonObject> current =
                config.object("rope_parameters").filter(object -> !object.node().isEmpty());
        Optional<JsonObject> legacy =
                config.object("rope_scaling").filter(object -> !object.node().isEmpty());
        if (current.isPresent()
                && legacy.isPresent()
                && !current.get().node().equals(legacy.get().node())) {
            notes.accept(
                    "%s has rope_parameters and a rope_scaling that differs: rope_scaling is taken, as transformers does"
                            .formatted(config.file()));
        }
        return legacy.or(() -> current)
                .orElseGet(() ->
                        new JsonObject(config.file(), "rope_parameters.", new ObjectNode(JsonNodeFactory.instance)));
    }

    private static Optional<RopeScaling> scaling(JsonObject config, JsonObject rope, String type, long maxPositions) {
        return switch (type) {
            case "default" -> Optional.empty();
            case "dynamic" -> {
                rope.requiredNumber("factor");
                yield Optional.empty();
            }
            case "linear" -> Optional.of(new RopeScaling.Linear(rope.requiredNumber("factor")));
            case "llama3" ->
                Optional.of(new RopeScaling.Llama3(
                        rope.requiredNumber("factor"),
                        rope.requiredNumber("low_freq_factor"),
                        rope.requiredNumber("high_freq_factor"),
                        originalPositions(config, rope, maxPositions)));
            case "yarn" -> Optional.of(yarn(rope, originalPositions(config, rope, maxPositions), maxPositions));
            default ->
                throw rope.notImplemented(
                        "rope_type",
                        "\"default\", \"linear\", \"dynamic\", \"yarn\" or \"llama3\"",
                        rope.node().textNode(type));
        };
    }

    private static double originalPositions(JsonObject config, JsonObject rope, long maxPositions) {
        return config.number(ORIGINAL).or(() -> rope.number(ORIGINAL)).orElse((double) maxPositions);
    }

    private static RopeScaling.Yarn yarn(JsonObject rope, double original, long maxPositions) {
        JsonNode given = rope.node().get("factor");
        if (given == null) {
            throw rope.missing("factor");
        }
        double factor = rope.number("factor").orElse(maxPositions / original);
        double mscale = rope.number("mscale").orElse(0.0);
        double mscaleAllDim = rope.number("mscale_all_dim").orElse(0.0);
        double attention = rope.number("attention_factor")
                .orElseGet(() -> mscale != 0 && mscaleAllDim != 0
                        ? magnitude(factor, mscale) / magnitude(factor, mscaleAllDim)
                        : magnitude(factor, 1));
        JsonNode truncate = rope.node().get("truncate");
        return new RopeScaling.Yarn(
                factor,
                original,
                attention,
                orDefault(rope, "beta_fast", BETA_FAST),
                orDefault(rope, "beta_slow", BETA_SLOW),
                truncate == null || rope.flag("truncate").orElse(false));
    }

    /** YaRN's temperature of attention, as a factor of queries and keys. */
    private static double magnitude(double factor, double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }

    /** A zero is no value to transformers. */
    private static double orDefault(JsonObject rope, String key, double value) {
        return rope.number(key).filter(number -> number != 0).orElse(value);
    }

    private static void noteUnknownKeys(JsonObject rope, String type, Consumer<String> notes) {
        Set<String> unknown = new TreeSet<>(rope.keys());
        unknown.removeAll(COMMON_KEYS);
        unknown.removeAll(
                switch (type) {
                    case "linear", "dynamic" -> List.of("factor");
                    case "llama3" -> List.of("factor", "low_freq_factor", "high_freq_factor", ORIGINAL);
                    case "yarn" ->
                        List.of(
                                "factor",
                                "attention_factor",
                                "beta_fast",
                                "beta_slow",
                                "mscale",
                                "mscale_all_dim",
                                "truncate",
                                ORIGINAL);
                    default -> List.of();
                });
        unknown.removeIf(key -> rope.value(key).isEmpty());
        if (!unknown.isEmpty()) {
            notes.accept("%s: keys of %s that rotary embeddings of type \"%s\" do not read have no effect: %s"
                    .formatted(rope.file(), rope.prefix().replace(".", ""), type, String.join(", ", unknown)));
        }
    }

    /** transformers' plain embedding of these architectures turns every channel, whatever the key says; the scaled ones fail. */
    private static void checkPartialRotation(JsonObject config, JsonObject rope, String type, Consumer<String> notes) {
        for (JsonObject object : List.of(rope, config)) {
            if (object.number("partial_rotary_factor").orElse(1.0) != 1.0) {
                if (!type.equals("default")) {
                    throw object.notImplemented(
                            "partial_rotary_factor", "1", object.node().get("partial_rotary_factor"));
                }
                notes.accept(
                        "%s: the key \"%spartial_rotary_factor\" has no effect in this architecture, as in transformers"
                                .formatted(object.file(), object.prefix()));
            }
        }
    }

    private static void requireNotNested(JsonObject rope) {
        for (String key : List.of("full_attention", "sliding_attention")) {
            if (rope.value(key).isPresent()) {
                throw rope.notImplemented(
                        key, "one rotary embedding for all layers", rope.node().get(key));
            }
        }
    }

    private static <T> Optional<T> choose(
            JsonObject object,
            String key,
            Optional<T> first,
            Optional<T> second,
            String winner,
            Consumer<String> notes) {
        if (first.isPresent() && second.isPresent() && !first.get().equals(second.get())) {
            notes.accept("%s gives %s in two spellings that differ, %s and %s: %s is taken, as transformers does"
                    .formatted(object.file(), key, first.get(), second.get(), winner));
        }
        return first.or(() -> second);
    }
}
