package io.mmpo.data.tokens;

import java.util.Arrays;
import java.util.List;

/** Counts rows while they come in; see {@link DatasetSummary} for what is counted. */
public final class SummaryCounts {
    private int rows;
    private int droppedEmpty;
    private int droppedLongPrompt;
    private int droppedNoPrompt;
    private int truncatedPrompts;
    private int truncatedCompletions;
    private int boundaryMerges;
    private int differingPrompts;
    private int identicalPairs;
    private int unusedTools;

    public void add(RowTokenizer.Outcome.Done row) {
        Truncation.Result result = row.result();
        rows++;
        switch (result.verdict()) {
            case EMPTY_COMPLETION -> droppedEmpty++;
            case LONG_PROMPT -> droppedLongPrompt++;
            case NO_PROMPT -> droppedNoPrompt++;
            case KEPT -> {
                truncatedPrompts += result.promptCut() ? 1 : 0;
                truncatedCompletions += result.completionCut() ? 1 : 0;
                boundaryMerges += row.parting() == SampleTokenizer.Parting.NONE ? 0 : 1;
                differingPrompts += row.parting() == SampleTokenizer.Parting.TEXT_DIFFERS ? 1 : 0;
                unusedTools += row.toolsUnused() ? 1 : 0;
                int[][] completions = result.completions();
                identicalPairs += completions.length == 2 && Arrays.equals(completions[0], completions[1]) ? 1 : 0;
            }
        }
    }

    /** tokensPerGroup: prompt and completions of every kept row, in any order; sorted by this. */
    public DatasetSummary summary(int[] tokensPerGroup) {
        DatasetSummary counts = new DatasetSummary(
                rows,
                0,
                droppedEmpty,
                droppedLongPrompt,
                droppedNoPrompt,
                truncatedPrompts,
                truncatedCompletions,
                boundaryMerges,
                differingPrompts,
                identicalPairs,
                unusedTools,
                0,
                0,
                0);
        return DatasetSummary.of(List.of(counts), tokensPerGroup);
    }
}
