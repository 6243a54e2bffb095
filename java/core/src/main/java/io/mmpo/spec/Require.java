package io.mmpo.spec;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Checks of what a record is made from. */
public final class Require {
    private Require() {}

    public static void require(boolean condition, String format, @Nullable Object... arguments) {
        if (!condition) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, format, arguments));
        }
    }
}
