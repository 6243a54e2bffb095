package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import io.mmpo.nativelib.RopeScaling;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The rotary embedding's constants in config.json: transformers 5 keeps them together in rope_parameters, transformers 4 has
 * rope_theta and, where frequencies are scaled, rope_scaling. Some files carry both; then they must agree.
 */
record RopeConfig(double theta, Optional<RopeScaling> scaling) {
    private static final double DEFAULT_THETA = 10_000;
    private static final Set<String> COMMON_KEYS = Set.of("rope_theta", "rope_type", "type", "partial_rotary_factor");
    private static final Set<String> LLAMA3_KEYS =
            Set.of("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings");

    static RopeConfig read(JsonObject config) {
        requireFullRotation(config);
        Optional<JsonObject> parameters = config.object("rope_parameters");
        Optional<JsonObject> legacy = config.object("rope_scaling");
        double theta = agree(
                        config,
                        "rope_theta",
                        parameters.flatMap(p -> p.number("rope_theta")),
                        config.number("rope_theta"),
                        legacy.flatMap(p -> p.number("rope_theta")))
                .orElse(DEFAULT_THETA);
        Optional<Optional<RopeScaling>> current = parameters.map(RopeConfig::scaling);
        Optional<Optional<RopeScaling>> older = legacy.map(RopeConfig::scaling);
        return new RopeConfig(
                theta, agree(config, "rope_scaling", current, older).orElse(Optional.empty()));
    }

    private static Optional<RopeScaling> scaling(JsonObject rope) {
        requireFullRotation(rope);
        String type = agree(rope, "rope_type", rope.text("rope_type"), rope.text("type"))
                .orElse("default");
        Set<String> unknown = new TreeSet<>(rope.keys());
        unknown.removeAll(COMMON_KEYS);
        switch (type) {
            case "default" -> {}
            case "llama3" -> unknown.removeAll(LLAMA3_KEYS);
            default ->
                throw rope.notImplemented(
                        "rope_type", "\"default\" or \"llama3\"", rope.node().textNode(type));
        }
        for (String key : unknown) {
            if (rope.value(key).isPresent()) {
                throw MmpoException.data(
                        "%s: mmpo does not know the key \"%s%s\" (%s) of rotary embeddings of type \"%s\". Remove it if it has no effect;"
                                + " else choose another model.",
                        rope.file(),
                        rope.prefix(),
                        key,
                        JsonFile.describe(rope.node().get(key)),
                        type);
            }
        }
        if (type.equals("default")) {
            return Optional.empty();
        }
        try {
            return Optional.of(new RopeScaling(
                    rope.requiredNumber("factor"),
                    rope.requiredNumber("low_freq_factor"),
                    rope.requiredNumber("high_freq_factor"),
                    rope.requiredNumber("original_max_position_embeddings")));
        } catch (IllegalArgumentException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s: %s. Fetch the file again, or correct it.",
                    rope.file(),
                    e.getMessage());
        }
    }

    private static void requireFullRotation(JsonObject object) {
        if (object.number("partial_rotary_factor").orElse(1.0) != 1.0) {
            throw object.notImplemented(
                    "partial_rotary_factor", "1", object.node().get("partial_rotary_factor"));
        }
    }

    /** The value that all present ones have. */
    @SafeVarargs
    private static <T> Optional<T> agree(JsonObject object, String key, Optional<? extends T>... candidates) {
        Optional<T> agreed = Optional.empty();
        for (Optional<? extends T> candidate : candidates) {
            if (candidate.isPresent()) {
                if (agreed.isPresent() && !agreed.get().equals(candidate.get())) {
                    throw MmpoException.data(
                            "%s gives \"%s%s\" in two spellings that differ: %s and %s. Keep the one that the model was trained with.",
                            object.file(), object.prefix(), key, agreed.get(), candidate.get());
                }
                agreed = Optional.of(candidate.get());
            }
        }
        return agreed;
    }
}
