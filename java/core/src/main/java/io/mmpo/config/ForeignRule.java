package io.mmpo.config;

import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;

/** What becomes of a key that is no setting here. */
sealed interface ForeignRule {
    /** Values that ask for nothing, whatever the key. */
    Set<String> OFF = Set.of("false", "no", "off", "none", "never");

    /** Notes what the user has to change, or what is worth a line. */
    void apply(String key, Assignment given, Problems problems, Consumer<String> notices);

    /**
     * It would change nothing here: accepted with one line, which says why.
     *
     * @param quietWhenOff where what means off asks for what is done here anyway
     */
    record Ignored(String why, boolean quietWhenOff) implements ForeignRule {
        @Override
        public void apply(String key, Assignment given, Problems problems, Consumer<String> notices) {
            boolean isQuiet = isEmpty(given) || "none".equals(given.text()) || (quietWhenOff && isOff(given));
            if (!isQuiet) {
                notices.accept("%s means nothing here: %s (%s)".formatted(key, why, given.where()));
            }
        }
    }

    /**
     * It would change the result, or what is written, in a way that is not offered: refused, but for the values under which a run
     * does what the key says.
     *
     * @param accepted in lower case, beside what means off
     * @param mend what is offered and what to write instead
     */
    record Limited(Set<String> accepted, String mend) implements ForeignRule {
        @Override
        public void apply(String key, Assignment given, Problems problems, Consumer<String> notices) {
            String text = given.text();
            boolean isAccepted = (text != null && accepted.contains(text.toLowerCase(Locale.ROOT))) || isOff(given);
            if (!isAccepted) {
                String found = text == null ? "" : ": " + Echo.of(text);
                problems.note(key, key + found + " is not supported", ": " + mend);
            }
        }
    }

    /** Another name of today's key, or of what took its place: refused with that name, unless it is off. */
    record Renamed(String mend) implements ForeignRule {
        @Override
        public void apply(String key, Assignment given, Problems problems, Consumer<String> notices) {
            if (!isOff(given)) {
                problems.note(key, key, " has another name here: " + mend);
            }
        }
    }

    /** Whether a value asks for nothing: null, an empty text, list or mapping. */
    static boolean isEmpty(Assignment value) {
        return value.tree() == null
                ? value.text() == null || value.text().isBlank()
                : value.tree().isEmpty();
    }

    /** Whether a value switches something off. */
    static boolean isOff(Assignment value) {
        String text = value.text();
        return isEmpty(value)
                || (text != null && (OFF.contains(text.toLowerCase(Locale.ROOT)) || text.matches("[+-]?0+(\\.0*)?")));
    }
}
