package io.mmpo.config;

import io.mmpo.MmpoException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * All that is wrong with a configuration, noted before any of it is refused, so that whoever mends it is told everything at once: in
 * the order of the file, each with the place where its key was set.
 */
final class Problems {
    private final Map<String, Assignment> assignments;
    private final Map<String, List<String>> byKey = new LinkedHashMap<>();
    private final Set<String> withoutValue = new HashSet<>();

    /** assignments: what was set, in the order of the file. */
    Problems(Map<String, Assignment> assignments) {
        this.assignments = assignments;
    }

    /** Notes a message that begins with the key, and adds where that was set. */
    void note(String key, String message) {
        note(key, message, "");
    }

    /** The place stands between the two halves of the message. */
    void note(String key, String message, String rest) {
        // Of a key without a value others know only the default: what is said of that would mislead.
        if (!withoutValue.contains(key)) {
            byKey.computeIfAbsent(key, k -> new ArrayList<>()).add(message + at(key) + rest);
        }
    }

    /** Notes why a key has no value, in a message that says where by itself. */
    void noteWhole(String key, String message) {
        byKey.putIfAbsent(key, new ArrayList<>(List.of(message)));
        withoutValue.add(key);
    }

    /** Notes a message, whose first word is the key, where something is wrong. */
    void refuse(boolean wrong, ConfigKey<?> key, String format, @Nullable Object... arguments) {
        if (wrong) {
            note(key.name(), key.name() + " " + String.format(Locale.ROOT, format, arguments));
        }
    }

    /** Where a key was set, as the end of a sentence's first part; empty for a default. */
    String at(String key) {
        Assignment assignment = assignments.get(key);
        return assignment == null ? "" : " (" + assignment.where() + ")";
    }

    String at(ConfigKey<?> key) {
        return at(key.name());
    }

    /** Fails with everything that was noted. */
    void throwIfAny() {
        if (byKey.isEmpty()) {
            return;
        }
        List<String> order = List.copyOf(assignments.keySet());
        List<String> messages = byKey.entrySet().stream()
                .sorted(Comparator.comparingInt(problem -> place(order, problem.getKey())))
                .flatMap(problem -> problem.getValue().stream())
                .toList();
        throw MmpoException.configuration("%s", paragraph(messages));
    }

    /** Of a key in the file; those that are missing come last. */
    private static int place(List<String> order, String key) {
        int place = order.indexOf(key);
        return place < 0 ? order.size() : place;
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
}
