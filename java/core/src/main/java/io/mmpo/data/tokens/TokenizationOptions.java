package io.mmpo.data.tokens;

import io.mmpo.MmpoException;
import java.util.OptionalInt;

/**
 * Lengths in tokens; empty means no limit.
 *
 * @param maxLength of prompt and completion together, at least 2
 * @param maxPromptLength a longer prompt loses its start
 * @param maxCompletionLength a longer completion loses its end
 * @param wholeRows the loss of fine-tuning is over the prompt too: a row is one text without a prompt
 * @param assistantsOnly the loss of fine-tuning is over what the chat template marks as the assistant's
 */
public record TokenizationOptions(
        OptionalInt maxLength,
        OptionalInt maxPromptLength,
        OptionalInt maxCompletionLength,
        TruncationMode truncationMode,
        boolean wholeRows,
        boolean assistantsOnly) {
    /** Nothing is truncated. */
    public static final TokenizationOptions UNLIMITED = new TokenizationOptions(
            OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty(), TruncationMode.KEEP_START);

    /** The loss is over completions. */
    public TokenizationOptions(
            OptionalInt maxLength,
            OptionalInt maxPromptLength,
            OptionalInt maxCompletionLength,
            TruncationMode truncationMode) {
        this(maxLength, maxPromptLength, maxCompletionLength, truncationMode, false, false);
    }

    public TokenizationOptions {
        requireAtLeast("max_length", maxLength, 2);
        requireAtLeast("max_prompt_length", maxPromptLength, 1);
        requireAtLeast("max_completion_length", maxCompletionLength, 1);
    }

    private static void requireAtLeast(String key, OptionalInt value, int least) {
        if (value.isPresent() && value.getAsInt() < least) {
            throw MmpoException.configuration("%s must be at least %d, got %d.", key, least, value.getAsInt());
        }
    }
}
