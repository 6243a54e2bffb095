package io.mmpo.eval.judge;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BatchTest {
    private static final int CONTESTS = 20;

    @TempDir
    Path directory;

    /** Takes batches of some size, and is never sent one. */
    private record Limits(int maxQuestions, long maxBytes) implements BatchService {
        @Override
        public long bytes(Item item) {
            return item.question().user().length();
        }

        @Override
        public String create(String name, List<Item> items) {
            throw new AssertionError();
        }

        @Override
        public Search find(String name, int questions, Instant begun) {
            throw new AssertionError();
        }

        @Override
        public BatchStatus status(String id) {
            throw new AssertionError();
        }

        @Override
        public void results(String id, Results results) {
            throw new AssertionError();
        }
    }

    private record NoJudge() implements Judge {
        @Override
        public String name() {
            return "none";
        }

        @Override
        public String identity() {
            return "none";
        }

        @Override
        public int maxTokens() {
            return 1;
        }

        @Override
        public Optional<Price> price() {
            return Optional.empty();
        }

        @Override
        public Reply ask(Question question) {
            throw new AssertionError();
        }

        @Override
        public void close() {}
    }

    private List<Integer> sizes(int maxQuestions, long maxBytes) {
        List<Contest> contests = IntStream.range(0, CONTESTS)
                .mapToObj(i -> new Contest(
                        i,
                        Optional.empty(),
                        "question " + (10 + i),
                        new Contest.Answer("answer", "baseline"),
                        new Contest.Answer("better", "model"),
                        false))
                .toList();
        try (VerdictStore store = VerdictStore.open(directory.resolve("replies.jsonl"), line -> {})) {
            Judging judging = new Judging(new NoJudge(), store, contests, false);
            List<Integer> all = judging.missing();
            List<List<Integer>> batches = Batch.split(all, judging, new Limits(maxQuestions, maxBytes));
            assertThat(batches.stream().flatMap(List::stream)).containsExactlyElementsOf(all);
            return batches.stream().map(List::size).toList();
        }
    }

    @Test
    void asFewBatchesAsTheLimitsAllow() {
        long each = Question.of("question 10", "answer", "better").user().length();
        assertThat(sizes(CONTESTS, CONTESTS * each)).containsExactly(20);
        assertThat(sizes(7, CONTESTS * each)).containsExactly(7, 7, 6);
        assertThat(sizes(CONTESTS, CONTESTS * each - 1)).containsExactly(19, 1);
        assertThat(sizes(7, 5 * each + 1)).containsExactly(5, 5, 5, 5);
    }

    @Test
    void anItemLeadsToItsKey() {
        String name = Batch.newName();
        Batch batch = new Batch(name, Instant.EPOCH, List.of("a", "b"), Optional.empty());
        assertThat(batch.key(Batch.itemId(name, 1))).hasValue("b");
        assertThat(Batch.itemId(name, 99_999)).matches("[a-zA-Z0-9_-]{1,64}"); // Anthropic's rule
        assertThat(List.of(Batch.itemId(name, 2), name, name + "-", name + "--1", Batch.itemId(Batch.newName(), 1), ""))
                .allSatisfy(id -> assertThat(batch.key(id)).isEmpty());
    }
}
