package io.mmpo;

import java.util.Arrays;
import java.util.List;

/**
 * What a model has answered.
 *
 * @param text without special tokens
 * @param tokenIds with the token that ended it, where there is one
 */
public record Answer(String text, List<Integer> tokenIds, FinishReason finishReason) {
    /** Why an answer ended. */
    public enum FinishReason {
        /** The model ended it. */
        STOP,
        /** It reached the most tokens that it may have, or the end of the model's context. */
        LENGTH,
        /** It was cancelled. */
        CANCELLED
    }

    Answer(String text, int[] tokenIds, FinishReason finishReason) {
        this(text, Arrays.stream(tokenIds).boxed().toList(), finishReason);
    }
}
