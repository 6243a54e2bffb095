package io.mmpo.nativelib;

import org.jspecify.annotations.Nullable;

/** Argument checks of the records that cross into the core. */
final class Require {
    private Require() {}

    static void require(boolean condition, String format, @Nullable Object... arguments) {
        if (!condition) {
            throw new IllegalArgumentException(String.format(format, arguments));
        }
    }
}
