package io.mmpo.eval.lm;

import io.mmpo.infer.CommonBeginning;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Which questions are computed together: those whose contexts have a long beginning in common, the same examples say, in batches of
 * their own, since it is computed once a batch; the others by their length.
 */
final class Batches {
    /** Tokens of a call: enough for the core to be busy, and few enough for progress to be told, and a signal heard, often. */
    private static final long MAX_TOKENS = 8_192;

    /** So many times what is shared comes behind it, if there is so much: a slice of the core's (batch_slices.cpp), which computes it once. */
    private static final long TIMES_SHARED = 4;

    private Batches() {}

    /** A question, and what its contexts begin with. */
    private record Entry(Encoded question, int[] beginning) {}

    /** The longest first. */
    static List<List<Encoded>> of(List<Encoded> questions, int batchSize) {
        List<List<Encoded>> batches = new ArrayList<>();
        List<Encoded> alone = new ArrayList<>();
        for (List<Entry> family : families(questions)) {
            List<Encoded> members = family.stream().map(Entry::question).toList();
            int shared =
                    CommonBeginning.length(family.stream().map(Entry::beginning).toList());
            if (CommonBeginning.isWorth(shared, contexts(members), tokens(members))) {
                cut(members, shared, batchSize, batches);
            } else {
                alone.addAll(members);
            }
        }
        cut(alone, 0, batchSize, batches);
        batches.sort(Comparator.comparingLong(
                        (List<Encoded> batch) -> batch.getFirst().tokens())
                .reversed());
        return batches;
    }

    /** In the order of their beginnings, cut wherever two neighbours share less than either shares with its other neighbour. */
    private static List<List<Entry>> families(List<Encoded> questions) {
        List<Entry> entries = questions.stream()
                .map(question -> new Entry(question, question.beginning()))
                .sorted(Comparator.comparing(Entry::beginning, Arrays::compare))
                .toList();
        List<List<Entry>> families = new ArrayList<>();
        int first = 0;
        for (int end = 1; end <= entries.size(); end++) {
            int before = end - 1 == first ? 0 : sharedAt(entries, end - 1);
            int most = Math.max(before, sharedAt(entries, end + 1));
            if (end == entries.size() || 4L * sharedAt(entries, end) < 3L * most) {
                families.add(entries.subList(first, end));
                first = end;
            }
        }
        return families;
    }

    /** Tokens that the entry and the one before it both begin with. */
    private static int sharedAt(List<Entry> entries, int entry) {
        return entry >= entries.size()
                ? 0
                : CommonBeginning.length(
                        entries.get(entry - 1).beginning(), entries.get(entry).beginning());
    }

    /** Batches of questions that share so many tokens, which count once. */
    private static void cut(List<Encoded> questions, int shared, int batchSize, List<List<Encoded>> batches) {
        long room = Math.max(MAX_TOKENS, (1 + TIMES_SHARED) * shared);
        List<Encoded> batch = new ArrayList<>();
        long tokens = shared;
        for (Encoded question : questions.stream().sorted(Encoded.LONGEST_FIRST).toList()) {
            long own = question.tokens() - (long) shared * question.groups().size();
            if (!batch.isEmpty() && (batch.size() == batchSize || tokens + own > room)) {
                batches.add(List.copyOf(batch));
                batch.clear();
                tokens = shared;
            }
            batch.add(question);
            tokens += own;
        }
        if (!batch.isEmpty()) {
            batches.add(List.copyOf(batch));
        }
    }

    private static int contexts(List<Encoded> questions) {
        return questions.stream().mapToInt(question -> question.groups().size()).sum();
    }

    private static long tokens(List<Encoded> questions) {
        return questions.stream().mapToLong(Encoded::tokens).sum();
    }
}
