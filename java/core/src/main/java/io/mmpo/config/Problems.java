package io.mmpo.config;

import io.mmpo.MmpoException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Checks of one record's values, all of them before any is refused, so that whoever mends a configuration is told everything at
 * once. Every message begins with its key, to which the reader of a file adds where that was set.
 */
final class Problems {
    private final List<String> messages = new ArrayList<>();

    /** Notes "key wanted, got value" unless the condition holds; {@code wanted} reads like "must be > 0". */
    void require(boolean condition, String key, String wanted, Object value) {
        if (!condition) {
            messages.add(Echo.refusal(key, wanted, value));
        }
    }

    void requirePositive(String key, int value) {
        require(value >= 1, key, "must be at least 1", value);
    }

    void requirePositive(String key, OptionalInt value) {
        value.ifPresent(number -> requirePositive(key, number));
    }

    void requireNotEmpty(String key, Path path) {
        require(!path.toString().isBlank(), key, "must be a path", "an empty text");
    }

    void requireNotEmpty(String key, Optional<Path> path) {
        path.ifPresent(value -> requireNotEmpty(key, value));
    }

    void refuse(boolean wrong, String format, Object... arguments) {
        if (wrong) {
            messages.add(String.format(format, arguments));
        }
    }

    /** Runs a check that ends at its first problem. */
    void collect(Runnable check) {
        try {
            check.run();
        } catch (MmpoException e) {
            messages.addAll(of(e));
        }
    }

    /** Fails with everything that was noted. */
    void throwIfAny() {
        if (!messages.isEmpty()) {
            throw exception(messages);
        }
    }

    /** One error for several messages. */
    static MmpoException exception(List<String> messages) {
        return MmpoException.of(
                MmpoException.Kind.CONFIGURATION, new Several(List.copyOf(messages)), "%s", paragraph(messages));
    }

    /** The messages that an error is made of. */
    static List<String> of(MmpoException error) {
        return error.getCause() instanceof Several several ? several.messages : List.of(error.getMessage());
    }

    private static String paragraph(List<String> messages) {
        if (messages.size() == 1) {
            return messages.getFirst();
        }
        StringBuilder text = new StringBuilder(messages.size() + " settings must be changed:");
        for (int i = 0; i < messages.size(); i++) {
            text.append(" (")
                    .append(i + 1)
                    .append(") ")
                    .append(messages.get(i))
                    .append(i + 1 < messages.size() ? ";" : "");
        }
        return text.toString();
    }

    /** Carries the messages apart. */
    private static final class Several extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final transient List<String> messages;

        Several(List<String> messages) {
            super(messages.size() + " messages", null, false, false);
            this.messages = messages;
        }
    }
}
