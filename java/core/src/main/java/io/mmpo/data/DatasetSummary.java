package io.mmpo.data;

import java.util.ArrayList;
import java.util.List;

/**
 * What became of a file's rows.
 *
 * @param rows in the file
 * @param kept rows that became groups
 * @param droppedEmpty rows with an empty completion
 * @param droppedLongPrompt rows whose prompt alone fills max_length (keep_start)
 * @param droppedNoPrompt rows without a prompt whose completions do not begin with the same token
 * @param truncatedPrompts prompts that lost tokens
 * @param truncatedCompletions groups of which a completion lost tokens
 * @param boundaryMerges rows with a token merged across the end of the prompt, whose parts were tokenized apart
 * @param identicalPairs kept pairs with equal completions
 * @param minTokens of a kept group: prompt and all completions
 */
public record DatasetSummary(
        int rows,
        int kept,
        int droppedEmpty,
        int droppedLongPrompt,
        int droppedNoPrompt,
        int truncatedPrompts,
        int truncatedCompletions,
        int boundaryMerges,
        int identicalPairs,
        int minTokens,
        int medianTokens,
        int maxTokens) {
    /** One line: counts that are 0 are left out. */
    @Override
    public String toString() {
        List<String> parts = new ArrayList<>();
        parts.add(kept + " of " + rows + " rows kept");
        add(parts, droppedEmpty, "dropped for an empty completion");
        add(parts, droppedLongPrompt, "dropped because the prompt alone fills max_length");
        add(parts, droppedNoPrompt, "dropped for want of a prompt");
        add(parts, truncatedPrompts, "with a truncated prompt");
        add(parts, truncatedCompletions, "with a truncated completion");
        add(parts, boundaryMerges, "tokenized in two parts (a token spans the end of the prompt)");
        add(parts, identicalPairs, "with equal completions");
        parts.add("tokens a row: " + minTokens + " to " + maxTokens + ", median " + medianTokens);
        return String.join("; ", parts);
    }

    private static void add(List<String> parts, int count, String what) {
        if (count > 0) {
            parts.add(count + " " + what);
        }
    }
}
