package io.mmpo.plan;

import io.mmpo.config.DataOptions;
import io.mmpo.spec.ModelShape;

/**
 * The row that takes the most memory under a configuration's limits: tokens of its prompt and of each completion.
 *
 * @param completions 2 of a preference pair, 1 of a row of supervised fine-tuning
 */
record LongestPair(long prompt, long completion, int completions) {
    static LongestPair of(DataOptions data, ModelShape shape, int completions) {
        // Rows may be longer than the model's positions; without a limit nobody knows how much longer before they are
        // read.
        long whole = data.maxLength().orElse(Math.toIntExact(Math.min(Integer.MAX_VALUE, shape.maxPositions())));
        long completion = Math.min(data.maxCompletionLength().orElse(Integer.MAX_VALUE), whole - 1);
        long prompt = Math.min(data.maxPromptLength().orElse(Integer.MAX_VALUE), whole - completion);
        return new LongestPair(prompt, completion, completions);
    }

    /** The prompt is computed once for all completions. */
    long tokens() {
        return prompt + completions * completion;
    }

    /** Pairs of a query and a key that attention looks at, of the first num completions. */
    double attentionPairs(int num) {
        double first = prompt + completion;
        double other = completion * (prompt + completion / 2.0);
        return first * first / 2 + (num - 1) * other;
    }
}
