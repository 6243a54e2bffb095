package io.mmpo.eval.lm;

import java.util.List;

/**
 * A question in tokens: what its requests have in common is there once.
 *
 * @param question its place among the task's
 * @param groups the requests in their order, cut where the context changes
 */
record Encoded(int question, List<Group> groups) {
    /**
     * A context and what follows it; of a question that is answered by text, nothing.
     *
     * @param context at least one token
     */
    record Group(int[] context, List<int[]> continuations) {
        long tokens() {
            return context.length
                    + continuations.stream().mapToLong(ids -> ids.length).sum();
        }
    }

    long tokens() {
        return groups.stream().mapToLong(Group::tokens).sum();
    }
}
