package io.mmpo.data.tokens;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;

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
 * @param boundaryMerges rows whose parts were tokenized apart, since the ids of both together do not begin with the prompt's
 * @param differingPrompts those of them in which the text does not either: the template opens an answer with what an answer does not
 *     have; in the others a token spans the end of the prompt
 * @param identicalPairs kept pairs with equal completions
 * @param unusedTools kept rows with tools that their chat template never looks at
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
        int differingPrompts,
        int identicalPairs,
        int unusedTools,
        int minTokens,
        int medianTokens,
        int maxTokens) {
    /** Of several data sets together. tokensPerGroup: see {@link SummaryCounts#summary}. */
    public static DatasetSummary of(List<DatasetSummary> parts, int[] tokensPerGroup) {
        Arrays.sort(tokensPerGroup);
        int kept = tokensPerGroup.length;
        return new DatasetSummary(
                sum(parts, DatasetSummary::rows),
                kept,
                sum(parts, DatasetSummary::droppedEmpty),
                sum(parts, DatasetSummary::droppedLongPrompt),
                sum(parts, DatasetSummary::droppedNoPrompt),
                sum(parts, DatasetSummary::truncatedPrompts),
                sum(parts, DatasetSummary::truncatedCompletions),
                sum(parts, DatasetSummary::boundaryMerges),
                sum(parts, DatasetSummary::differingPrompts),
                sum(parts, DatasetSummary::identicalPairs),
                sum(parts, DatasetSummary::unusedTools),
                kept == 0 ? 0 : tokensPerGroup[0],
                kept == 0 ? 0 : tokensPerGroup[kept / 2],
                kept == 0 ? 0 : tokensPerGroup[kept - 1]);
    }

    private static int sum(List<DatasetSummary> parts, ToIntFunction<DatasetSummary> count) {
        return parts.stream().mapToInt(count).sum();
    }

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
        add(parts, boundaryMerges - differingPrompts, "tokenized in two parts (a token spans the end of the prompt)");
        add(
                parts,
                differingPrompts,
                "tokenized in two parts (the template opens an answer with text that the answer does not have)");
        add(parts, identicalPairs, "with equal completions");
        add(parts, unusedTools, "with tools, which the chat template leaves out");
        parts.add("tokens a row: " + minTokens + " to " + maxTokens + ", median " + medianTokens);
        return String.join("; ", parts);
    }

    private static void add(List<String> parts, int count, String what) {
        if (count > 0) {
            parts.add(count + " " + what);
        }
    }
}
