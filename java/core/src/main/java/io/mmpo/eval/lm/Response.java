package io.mmpo.eval.lm;

import java.util.List;

/** What the model said to a question. */
sealed interface Response {
    /** One a request, in their order. */
    record Scores(List<Score> scores) implements Response {}

    /**
     * A continuation's.
     *
     * @param logLikelihood nats
     * @param isGreedy whether greedy decoding gives it
     */
    record Score(double logLikelihood, boolean isGreedy) {}

    record Text(String text) implements Response {}
}
