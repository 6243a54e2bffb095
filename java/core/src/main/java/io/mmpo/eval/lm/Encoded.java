package io.mmpo.eval.lm;

import io.mmpo.infer.CommonBeginning;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * A question in tokens: what its requests have in common is there once.
 *
 * @param question its place among the task's
 * @param groups the requests in their order, cut where the context changes
 */
record Encoded(int question, List<Group> groups) {
    /** So that the time left is rather too long than too short. */
    static final Comparator<Encoded> LONGEST_FIRST =
            Comparator.comparingLong(Encoded::tokens).reversed();

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

    /** What all of its contexts begin with, at least one token of each kept. */
    int[] beginning() {
        List<int[]> contexts = groups.stream().map(Group::context).toList();
        return Arrays.copyOf(contexts.getFirst(), CommonBeginning.length(contexts));
    }
}
