package io.mmpo.data.rows;

import java.util.List;

/**
 * How much of two completions is their common prompt, as TRL's extract_prompt has it: up to the first difference, and never all
 * of the shorter one, whose last message (or character) stays a completion.
 */
final class PromptExtraction {
    private PromptExtraction() {}

    /** The number of messages. */
    static <T> int sharedMessages(List<T> chosen, List<T> rejected) {
        int shorter = Math.min(chosen.size(), rejected.size());
        for (int i = 0; i < shorter; i++) {
            if (!chosen.get(i).equals(rejected.get(i))) {
                return i;
            }
        }
        return Math.max(0, shorter - 1);
    }

    /** The number of chars, never inside a character; a space before the difference belongs to the completions. */
    static int sharedText(String chosen, String rejected) {
        int i = 0;
        int last = 0;
        while (i < chosen.length() && i < rejected.length()) {
            int c = chosen.codePointAt(i);
            if (c != rejected.codePointAt(i)) {
                return i > 0 && chosen.charAt(i - 1) == ' ' ? i - 1 : i;
            }
            last = i;
            i += Character.charCount(c);
        }
        return last;
    }
}
