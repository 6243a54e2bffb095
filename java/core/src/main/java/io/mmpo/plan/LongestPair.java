package io.mmpo.plan;

import io.mmpo.config.DataOptions;
import io.mmpo.spec.ModelShape;

/**
 * The row that takes the most memory under a configuration's limits: tokens of its prompt and of each completion.
 *
 * @param completions 2 of a preference pair, 1 of a row of supervised fine-tuning
 * @param graded of them those that a gradient goes through
 */
record LongestPair(long prompt, long completion, int completions, int graded) {
    static LongestPair of(DataOptions data, ModelShape shape, int completions, int graded) {
        // Rows may be longer than the model's positions; without a limit nobody knows how much longer before they are
        // read.
        long whole = data.maxLength().orElse(Math.toIntExact(Math.min(Integer.MAX_VALUE, shape.maxPositions())));
        long completion = Math.min(data.maxCompletionLength().orElse(Integer.MAX_VALUE), whole - 1);
        long prompt = Math.min(data.maxPromptLength().orElse(Integer.MAX_VALUE), whole - completion);
        return new LongestPair(prompt, completion, completions, graded);
    }

    /** The prompt is computed once for all completions. */
    long tokens() {
        return prompt + completions * completion;
    }

    /** The prompt with one of them, of which the last token has no row. */
    long longest() {
        return prompt + completion - 1;
    }

    /** Pairs of a query and a key that attention looks at, of the first num completions, in a layer that sees so many tokens back. */
    double attentionPairs(int num, double window) {
        double first = causalPairs(prompt + completion, window);
        return first + (num - 1) * (first - causalPairs(prompt, window));
    }

    private static double causalPairs(double tokens, double window) {
        double seen = Math.min(tokens, window);
        return tokens * seen - seen * seen / 2;
    }
}
