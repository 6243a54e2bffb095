package io.mmpo.eval.judge;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Questions that are out together.
 *
 * @param name which this program gave it, in every item's id
 * @param begun before it was sent
 * @param keys of its questions in the store
 * @param id which the server gave it; empty until that is known
 */
record Batch(String name, Instant begun, List<String> keys, Optional<String> id) {
    private static final char SEPARATOR = '-';

    /** A name that no other batch has. */
    static String newName() {
        return UUID.randomUUID().toString();
    }

    static String itemId(String name, int index) {
        return name + SEPARATOR + index;
    }

    Batch withId(String given) {
        return new Batch(name, begun, keys, Optional.of(given));
    }

    /** The key of an item's question; empty where it is none of this batch's. */
    Optional<String> key(String itemId) {
        String prefix = name + SEPARATOR;
        if (!itemId.startsWith(prefix) || !itemId.substring(prefix.length()).matches("[0-9]{1,9}")) {
            return Optional.empty();
        }
        int index = Integer.parseInt(itemId.substring(prefix.length()));
        return index < keys.size() ? Optional.of(keys.get(index)) : Optional.empty();
    }

    /** As few lists as the limits allow, in the questions' order. */
    static List<List<Integer>> split(List<Integer> contests, Judging judging, BatchService service) {
        List<List<Integer>> batches = new ArrayList<>();
        long bytes = 0;
        String name = newName(); // as long as every name
        for (int contest : contests) {
            long more = service.bytes(
                    new BatchService.Item(itemId(name, service.maxQuestions()), judging.question(contest)));
            if (batches.isEmpty()
                    || batches.getLast().size() == service.maxQuestions()
                    || bytes + more > service.maxBytes()) {
                batches.add(new ArrayList<>());
                bytes = 0;
            }
            batches.getLast().add(contest);
            bytes += more;
        }
        return batches;
    }
}
