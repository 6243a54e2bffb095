package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** An object of a model's JSON file: typed values, and errors that name the file and the key. null counts as absent. */
record JsonObject(Path file, String prefix, ObjectNode node) {
    static JsonObject read(Path file) {
        return new JsonObject(file, "", JsonFile.read(file));
    }

    Set<String> keys() {
        Set<String> keys = new TreeSet<>();
        node.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    Optional<JsonNode> value(String key) {
        return Optional.ofNullable(node.get(key)).filter(value -> !value.isNull());
    }

    Optional<JsonObject> object(String key) {
        return value(key).map(value -> {
            if (value instanceof ObjectNode object) {
                return new JsonObject(file, prefix + key + ".", object);
            }
            throw wrongType(key, "an object", value);
        });
    }

    Optional<Long> integer(String key) {
        return value(key).map(value -> {
            if (value.isNumber() && value.canConvertToExactIntegral() && value.canConvertToLong()) {
                return value.asLong();
            }
            throw wrongType(key, "a whole number", value);
        });
    }

    long requiredInteger(String key) {
        return integer(key).orElseThrow(() -> missing(key));
    }

    Optional<Double> number(String key) {
        return value(key).map(value -> {
            if (value.isNumber()) {
                return value.asDouble();
            }
            throw wrongType(key, "a number", value);
        });
    }

    double requiredNumber(String key) {
        return number(key).orElseThrow(() -> missing(key));
    }

    Optional<Boolean> flag(String key) {
        return value(key).map(value -> {
            if (value.isBoolean()) {
                return value.asBoolean();
            }
            throw wrongType(key, "true or false", value);
        });
    }

    Optional<String> text(String key) {
        return value(key).map(value -> {
            if (value.isTextual()) {
                return value.asText();
            }
            throw wrongType(key, "a string", value);
        });
    }

    MmpoException missing(String key) {
        return MmpoException.data(
                "%s has no key \"%s%s\", which the model's shape needs. Fetch the file again, or add the key.",
                file, prefix, key);
    }

    MmpoException wrongType(String key, String wanted, JsonNode found) {
        return MmpoException.data(
                "%s: the key \"%s%s\" must be %s, found %s. Correct it, or fetch the file again.",
                file, prefix, key, wanted, JsonFile.describe(found));
    }

    /** A value that the model's computation depends on and that is not implemented. */
    MmpoException notImplemented(String key, String wanted, JsonNode found) {
        return MmpoException.data(
                "%s: the key \"%s%s\" is %s, and only %s is implemented. Choose a model without it.",
                file, prefix, key, JsonFile.describe(found), wanted);
    }
}
