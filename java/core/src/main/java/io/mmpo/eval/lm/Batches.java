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

    private Batches() {}

    /** A question, what its contexts begin with, and how much of that the next one in the order of these beginnings has too. */
    private record Entry(Encoded question, int[] beginning, int sharedWithNext) {}

    /** The longest first. */
    static List<List<Encoded>> of(List<Encoded> questions, int batchSize) {
        List<List<Encoded>> batches = new ArrayList<>();
        List<Encoded> alone = new ArrayList<>();
        for (List<Entry> family : families(questions)) {
            List<Encoded> members = family.stream().map(Entry::question).toList();
            if (CommonBeginning.isWorth(shared(family), contexts(members), tokens(members))) {
                cut(members, shared(family), batchSize, batches);
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
        List<Entry> entries = entries(questions);
        List<List<Entry>> families = new ArrayList<>();
        int first = 0;
        for (int i = 0; i < entries.size(); i++) {
            int before = i == first ? 0 : entries.get(i - 1).sharedWithNext();
            int behind = i + 1 < entries.size() ? entries.get(i + 1).sharedWithNext() : 0;
            int here = entries.get(i).sharedWithNext();
            if (i + 1 == entries.size() || 4L * here < 3L * Math.max(before, behind)) {
                families.add(entries.subList(first, i + 1));
                first = i + 1;
            }
        }
        return families;
    }

    private static List<Entry> entries(List<Encoded> questions) {
        List<Entry> entries = questions.stream()
                .map(question -> new Entry(question, question.beginning(), 0))
                .sorted(Comparator.comparing(Entry::beginning, Arrays::compare))
                .toList();
        List<Entry> linked = new ArrayList<>();
        for (int i = 0; i < entries.size(); i++) {
            Entry entry = entries.get(i);
            int shared = i + 1 == entries.size()
                    ? 0
                    : CommonBeginning.length(
                            entry.beginning(), entries.get(i + 1).beginning());
            linked.add(new Entry(entry.question(), entry.beginning(), shared));
        }
        return linked;
    }

    private static int shared(List<Entry> family) {
        return CommonBeginning.length(family.stream().map(Entry::beginning).toList());
    }

    /** Batches of questions that share so many tokens, which count once. */
    private static void cut(List<Encoded> questions, int shared, int batchSize, List<List<Encoded>> batches) {
        long room = Math.max(MAX_TOKENS, 5L * shared);
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
