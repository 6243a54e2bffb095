package io.mmpo.config;

import java.util.Objects;
import java.util.Optional;

/** What is wanted in place of a value, what was found where that is not its text, and the mend where wanting it is not enough. */
final class Unreadable extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient Optional<String> found;
    private final transient Optional<String> mend;

    private Unreadable(String wanted, Optional<String> found, Optional<String> mend) {
        super(wanted, null, false, false);
        this.found = found;
        this.mend = mend;
    }

    /** wanted: reads like "must be a number". */
    Unreadable(String wanted) {
        this(wanted, Optional.empty(), Optional.empty());
    }

    Unreadable(String wanted, String found) {
        this(wanted, Optional.of(found), Optional.empty());
    }

    /** The same with a mend. */
    Unreadable butWrite(String advice) {
        return new Unreadable(wanted(), found, Optional.of(advice));
    }

    /** where: as the end of a sentence's first part. */
    String message(String key, String text, String where) {
        return key + " " + wanted() + ", got " + found.orElse("'" + Echo.of(text) + "'") + where
                + mend.map(advice -> ": " + advice).orElse("");
    }

    private String wanted() {
        return Objects.requireNonNull(getMessage());
    }
}
