package io.mmpo.data.rows;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A row before it is tokenized: one prompt with its completions, in one of the shapes that a file may have. */
public sealed interface Sample {
    /** A row with one completion as one text without a prompt. */
    Sample whole();

    /** Plain text. Without a prompt the whole text is trained on. */
    record Text(Optional<String> prompt, List<String> completions) implements Sample {
        @Override
        public Sample whole() {
            return new Text(Optional.empty(), List.of(prompt.orElse("") + completions.getFirst()));
        }
    }

    /**
     * Messages: mappings with {@code role} and {@code content}. Without a prompt the whole conversation is trained on.
     *
     * @param variables of the chat template, e.g. {@code tools}
     */
    record Conversation(
            Optional<List<Map<String, Object>>> prompt,
            List<List<Map<String, Object>>> completions,
            Map<String, Object> variables)
            implements Sample {
        @Override
        public Sample whole() {
            List<Map<String, Object>> messages = new ArrayList<>(prompt.orElse(List.of()));
            messages.addAll(completions.getFirst());
            return new Conversation(Optional.empty(), List.of(messages), variables);
        }
    }

    /** Token ids, used as they are. */
    record Tokens(int[] prompt, int[][] completions) implements Sample {
        @Override
        public Sample whole() {
            int[] ids = Arrays.copyOf(prompt, prompt.length + completions[0].length);
            System.arraycopy(completions[0], 0, ids, prompt.length, completions[0].length);
            return new Tokens(new int[0], new int[][] {ids});
        }
    }
}
