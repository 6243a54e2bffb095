package io.mmpo;

import java.util.Locale;
import java.util.function.Supplier;

/** What something gives where the JVM's locale has digits, a decimal mark and a separator of thousands of its own. */
public final class InPersian {
    private InPersian() {}

    public static <T> T get(Supplier<T> asked) {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("fa-IR"));
        try {
            return asked.get();
        } finally {
            Locale.setDefault(before);
        }
    }
}
