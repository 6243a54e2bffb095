package io.mmpo.nativelib;

import static io.mmpo.spec.Require.require;

import java.util.Arrays;
import java.util.List;

/**
 * Prompts with their completions, packed without padding: tokens = [prompt 0 | completion 0 of 0 | completion 1 of 0 | ... |
 * prompt 1 | ...]. A preference pair is a group of two, chosen before rejected. The arrays are not copied. A batch without groups is what
 * a rank has whose share of a micro-batch is empty.
 *
 * @param tokens [T]; -1 - id of those that a completion of SFT has only to be read
 * @param promptLengths [G] each >= 1
 * @param groupSizes [G] completions of each group, each >= 1
 * @param completionLengths [C] each >= 1
 * @param preamble what all prompts begin with, before what tokens has of them: it is computed once, and for scores alone. Mostly empty
 */
public record PackedBatch(
        int[] tokens, int[] promptLengths, int[] groupSizes, int[] completionLengths, int[] preamble) {
    public PackedBatch {
        require(
                promptLengths.length == groupSizes.length,
                "a batch needs one prompt length and one group size a group, got %d and %d",
                promptLengths.length,
                groupSizes.length);
        long completions = sumOfPositives("group size", groupSizes);
        require(
                completions == completionLengths.length,
                "the group sizes add up to %d completions, got %d completion lengths",
                completions,
                completionLengths.length);
        long total =
                sumOfPositives("prompt length", promptLengths) + sumOfPositives("completion length", completionLengths);
        require(total == tokens.length, "the lengths add up to %d tokens, got %d", total, tokens.length);
    }

    public PackedBatch(int[] tokens, int[] promptLengths, int[] groupSizes, int[] completionLengths) {
        this(tokens, promptLengths, groupSizes, completionLengths, new int[0]);
    }

    /** The same groups behind what all of their prompts begin with. */
    public PackedBatch behind(int[] preamble) {
        return new PackedBatch(tokens, promptLengths, groupSizes, completionLengths, preamble);
    }

    /** One group a prompt: {@code completions.get(g)} are those of {@code prompts.get(g)}. */
    public static PackedBatch of(List<int[]> prompts, List<int[][]> completions) {
        require(
                prompts.size() == completions.size(),
                "every prompt needs its completions, got %d prompts and completions of %d",
                prompts.size(),
                completions.size());
        int numGroups = prompts.size();
        int numCompletions =
                completions.stream().mapToInt(group -> group.length).sum();
        int[] promptLengths = new int[numGroups];
        int[] groupSizes = new int[numGroups];
        int[] completionLengths = new int[numCompletions];
        long numTokens = 0;
        int completion = 0;
        for (int group = 0; group < numGroups; group++) {
            promptLengths[group] = prompts.get(group).length;
            groupSizes[group] = completions.get(group).length;
            numTokens += promptLengths[group];
            for (int[] tokens : completions.get(group)) {
                completionLengths[completion++] = tokens.length;
                numTokens += tokens.length;
            }
        }
        int[] packed = new int[Math.toIntExact(numTokens)];
        int position = 0;
        for (int group = 0; group < numGroups; group++) {
            position = append(prompts.get(group), packed, position);
            for (int[] tokens : completions.get(group)) {
                position = append(tokens, packed, position);
            }
        }
        return new PackedBatch(packed, promptLengths, groupSizes, completionLengths);
    }

    /** Tokens of completions, but for those that are only read. */
    public long numLearntTokens() {
        long learnt = Arrays.stream(tokens).filter(token -> token >= 0).count();
        return learnt - Arrays.stream(promptLengths).asLongStream().sum();
    }

    public int numGroups() {
        return promptLengths.length;
    }

    public int numCompletions() {
        return completionLengths.length;
    }

    private static int append(int[] source, int[] target, int position) {
        System.arraycopy(source, 0, target, position, source.length);
        return position + source.length;
    }

    private static long sumOfPositives(String what, int[] values) {
        long sum = 0;
        for (int i = 0; i < values.length; i++) {
            require(values[i] >= 1, "every %s must be >= 1, number %d is %d", what, i, values[i]);
            sum += values[i];
        }
        return sum;
    }
}
