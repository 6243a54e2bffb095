package io.mmpo.eval.lm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchesTest {
    /** So many times the token `beginning`, then the question's own. */
    private static Encoded question(int number, int beginning, int shared, int own) {
        int[] context = IntStream.concat(
                        IntStream.generate(() -> beginning).limit(shared),
                        IntStream.range(0, own).map(i -> 1000 * (number + 1) + i))
                .toArray();
        return new Encoded(number, List.of(new Encoded.Group(context, List.of(new int[] {1}, new int[] {2}))));
    }

    private static List<List<Integer>> numbers(List<List<Encoded>> batches) {
        return batches.stream()
                .map(batch -> batch.stream().map(Encoded::question).sorted().toList())
                .toList();
    }

    @Test
    void questionsOfTheSameExamplesComeTogether() {
        List<Encoded> questions = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            questions.add(question(i, 7 + i % 3, 300 + i % 3, 20));
        }
        assertThat(numbers(Batches.of(questions, 64)))
                .containsExactly(List.of(2, 5, 8), List.of(1, 4, 7), List.of(0, 3, 6));
        assertThat(numbers(Batches.of(questions, 2)))
                .containsExactlyInAnyOrder(
                        List.of(2, 5), List.of(8), List.of(1, 4), List.of(7), List.of(0, 3), List.of(6));
    }

    @Test
    void oneOfOtherExamplesDoesNotPartThem() {
        List<Encoded> questions = List.of(
                question(0, 7, 20, 300), question(1, 7, 300, 20), question(2, 7, 300, 25), question(3, 8, 40, 5));
        assertThat(numbers(Batches.of(questions, 64))).containsExactlyInAnyOrder(List.of(1, 2), List.of(0, 3));
    }

    /** A subject's name in common, say: batches of their own would only be smaller. */
    @Test
    void aShortBeginningIsNotWorthABatch() {
        List<Encoded> questions = IntStream.range(0, 8)
                .mapToObj(i -> question(i, i % 2, 10, 100 - i))
                .toList();
        assertThat(numbers(Batches.of(questions, 64))).containsExactly(List.of(0, 1, 2, 3, 4, 5, 6, 7));
    }

    @Test
    void whatIsSharedCountsOnceInABatch() {
        List<Encoded> questions =
                IntStream.range(0, 60).mapToObj(i -> question(i, 7, 1_000, 98)).toList();
        assertThat(Batches.of(questions, 64)).hasSize(1);
        List<Encoded> others =
                IntStream.range(0, 60).mapToObj(i -> question(i, i, 1_000, 98)).toList();
        assertThat(Batches.of(others, 64)).hasSize(9);
    }

    /** Two contexts of a question, too, keep a token each behind what they share. */
    @Test
    void contextsOfOneQuestionMayBeEqual() {
        int[] context = {5, 5, 5, 5};
        Encoded twice = new Encoded(
                0,
                List.of(
                        new Encoded.Group(context, List.of(new int[] {1})),
                        new Encoded.Group(context, List.of(new int[] {2}))));
        assertThat(twice.beginning()).containsExactly(5, 5, 5);
        assertThat(Batches.of(List.of(twice), 1)).containsExactly(List.of(twice));
        Encoded oneToken = new Encoded(1, List.of(new Encoded.Group(new int[] {5}, List.of(new int[] {1}))));
        assertThat(oneToken.beginning()).isEmpty();
    }
}
