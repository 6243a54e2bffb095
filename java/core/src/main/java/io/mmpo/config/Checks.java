package io.mmpo.config;

import io.mmpo.MmpoException;

/** A check that ends at once. The message begins with the key, so that the reader can add where it was set. */
final class Checks {
    private Checks() {}

    /** Fails with "key wanted, got value"; {@code wanted} reads like "must be > 0". */
    static void require(boolean condition, String key, String wanted, Object value) {
        if (!condition) {
            throw MmpoException.configuration("%s", Echo.refusal(key, wanted, value));
        }
    }
}
