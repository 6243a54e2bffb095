package io.mmpo.data.rows;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A row before it is tokenized: one prompt with its completions, in one of the shapes that a file may have. */
public sealed interface Sample {
    /** Plain text. Without a prompt the whole text is trained on. */
    record Text(Optional<String> prompt, List<String> completions) implements Sample {}

    /**
     * Messages: mappings with {@code role} and {@code content}. Without a prompt the whole conversation is trained on.
     *
     * @param variables of the chat template, e.g. {@code tools}
     */
    record Conversation(
            Optional<List<Map<String, Object>>> prompt,
            List<List<Map<String, Object>>> completions,
            Map<String, Object> variables)
            implements Sample {}

    /** Token ids, used as they are. */
    record Tokens(int[] prompt, int[][] completions) implements Sample {}
}
