package io.mmpo.config;

import io.mmpo.MmpoException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/** Checks of configuration values. Every message begins with the key, so that the reader can add where it was set. */
final class Checks {
    private Checks() {}

    /** Fails with "key wanted, got value"; {@code wanted} reads like "must be > 0". */
    static void require(boolean condition, String key, String wanted, Object value) {
        if (!condition) {
            throw MmpoException.configuration("%s %s, got %s", key, wanted, value);
        }
    }

    static void requirePositive(String key, int value) {
        require(value >= 1, key, "must be at least 1", value);
    }

    static void requirePositive(String key, OptionalInt value) {
        value.ifPresent(number -> requirePositive(key, number));
    }

    static void requireNotEmpty(String key, Path path) {
        require(!path.toString().isBlank(), key, "must be a path", "an empty text");
    }

    static void requireNotEmpty(String key, Optional<Path> path) {
        path.ifPresent(value -> requireNotEmpty(key, value));
    }
}
