package io.mmpo.plan;

import java.util.Collections;
import java.util.List;

/**
 * What a slice of a micro-batch has of each kind of row for which memory is taken: PackedBatch of native/src/model/packed_batch.h.
 *
 * @param tokens of its prompts and completions
 * @param all the rows of activations: a prompt's once for its completions, and of a completion all but the last
 * @param graded of them those that go through a backward pass, the first
 * @param headRows those that predict a completion's token, as often as they do
 * @param gradedHeadRows of them
 * @param pairs of a chosen and a rejected completion
 * @param positions one more than the largest
 * @param isBound whether it stands for slices that have less of anything, too
 */
record SliceRows(
        long tokens,
        Attended all,
        Attended graded,
        long headRows,
        long gradedHeadRows,
        long pairs,
        long positions,
        boolean isBound) {
    /** kGpuSliceTokens and kCpuSliceTokens of native/src/model/batch_slices.h. */
    static final int GPU_SLICE_TOKENS = 8192;

    static final int CPU_SLICE_TOKENS = 1536;

    static int sliceTokens(boolean onCpu) {
        return onCpu ? CPU_SLICE_TOKENS : GPU_SLICE_TOKENS;
    }

    /**
     * Rows as attention on a GPU sees them: VarlenAttention of native/src/kernels/varlen_attention.h.
     *
     * @param sequences a prompt with the completion behind it is one, and every other completion
     * @param repeated rows of prompts that a further completion sees, which are gathered once more for it
     * @param oftenest those of them that are gathered at a time: no row twice
     * @param longest keys of a sequence
     */
    record Attended(long rows, long sequences, long repeated, long oftenest, long longest) {
        /** Rows of keys; the rows themselves where nothing is repeated. */
        long keyRows() {
            return rows + repeated;
        }
    }

    /** A prompt's tokens and those of its completions, of which the first so many are graded and the others scored alone. */
    record Group(long prompt, List<Long> completions, int graded) {
        /** numGraded: of every group. */
        static Group of(List<Long> lengths, int numGraded) {
            return new Group(lengths.getFirst(), List.copyOf(lengths.subList(1, lengths.size())), numGraded);
        }

        long tokens() {
            return prompt + sum(completions);
        }

        /** In an order where one that is scored alone never stands right behind its prompt. */
        private Attended attended(int count) {
            List<Long> rows = completions.stream()
                    .limit(count)
                    .map(tokens -> tokens - 1)
                    .filter(number -> number > 0)
                    .toList();
            boolean continues =
                    completions.stream().limit(Math.min(count, graded)).anyMatch(tokens -> tokens > 1);
            long others = rows.size() - (continues ? 1 : 0);
            long longest =
                    prompt + rows.stream().mapToLong(Long::longValue).max().orElse(0);
            return new Attended(prompt + sum(rows), 1 + others, others * prompt, others > 0 ? prompt : 0, longest);
        }

        private static long sum(List<Long> values) {
            return values.stream().mapToLong(Long::longValue).sum();
        }
    }

    /** Of groups that are one slice. */
    static SliceRows of(List<Group> groups) {
        long tokens = 0;
        Attended all = new Attended(0, 0, 0, 0, 0);
        Attended graded = all;
        long headRows = 0;
        long gradedHeadRows = 0;
        for (Group group : groups) {
            tokens += group.tokens();
            all = sum(all, group.attended(group.completions().size()));
            graded = sum(graded, group.attended(group.graded()));
            headRows += Group.sum(group.completions());
            gradedHeadRows += Group.sum(group.completions().subList(0, group.graded()));
        }
        return new SliceRows(tokens, all, graded, headRows, gradedHeadRows, groups.size(), all.longest(), false);
    }

    private static Attended sum(Attended a, Attended b) {
        return new Attended(
                a.rows() + b.rows(),
                a.sequences() + b.sequences(),
                a.repeated() + b.repeated(),
                a.oftenest() + b.oftenest(),
                Math.max(a.longest(), b.longest()));
    }

    /**
     * Has at least as much of everything as any slice of a micro-batch of such rows or shorter ones: just the longest, where a slice
     * has room for all of them; else shorter ones in their place may have more prompts, completions or sequences.
     */
    static SliceRows largest(LongestPair pair, int microBatch, long sliceTokens) {
        long most = Math.max(sliceTokens, pair.tokens());
        if (microBatch * pair.tokens() <= most) {
            List<Long> completions = Collections.nCopies(pair.completions(), pair.completion());
            return of(Collections.nCopies(microBatch, new Group(pair.prompt(), completions, pair.graded())))
                    .asBound();
        }
        long fewestGroups = most / pair.tokens();
        long mostGroups = Math.min(microBatch, most / (1 + pair.completions()));
        // Of every completion one token has no row, and groups of the longest are fewest.
        long ofWhole = fewestGroups * (pair.tokens() - pair.completions());
        long rows =
                most % pair.tokens() == 0 ? ofWhole : Math.max(ofWhole, most - (fewestGroups + 1) * pair.completions());
        long prompts = Math.min(microBatch * pair.prompt(), most - pair.completions());
        long headRows = Math.min(microBatch * pair.completions() * pair.completion(), most - fewestGroups);
        long gradedOfPair = pair.prompt() + pair.graded() * (pair.completion() - 1);
        return new SliceRows(
                most,
                attended(rows, pair.completions(), mostGroups, prompts, pair.longest()),
                attended(Math.min(rows, microBatch * gradedOfPair), pair.graded(), mostGroups, prompts, pair.longest()),
                headRows,
                Math.min(microBatch * pair.graded() * pair.completion(), headRows),
                mostGroups,
                pair.longest(),
                true);
    }

    private SliceRows asBound() {
        return new SliceRows(tokens, all, graded, headRows, gradedHeadRows, pairs, positions, true);
    }

    private static Attended attended(long rows, long completions, long groups, long prompts, long longest) {
        return new Attended(
                rows, completions * groups, (completions - 1) * prompts, completions > 1 ? prompts : 0, longest);
    }
}
