package io.mmpo.eval.lm;

import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A number of every row, whose mean is the task's.
 *
 * @param ignoreCase this and the following: what exact_match does to both texts first
 */
record Metric(
        Name name, List<String> regexesToIgnore, boolean ignoreCase, boolean ignorePunctuation, boolean ignoreNumbers) {
    enum Name {
        /** Whether the likeliest choice is right; of a single text, whether greedy decoding gives it. */
        ACC(Set.of(OutputType.MULTIPLE_CHOICE, OutputType.LOGLIKELIHOOD)),
        /** The same of log-likelihoods divided by the choices' characters. */
        ACC_NORM(Set.of(OutputType.MULTIPLE_CHOICE)),
        /** exp of the negative mean log-likelihood of the targets. */
        PERPLEXITY(Set.of(OutputType.LOGLIKELIHOOD)),
        /** Whether the text is the target; of choices, whether greedy decoding gives the right one. */
        EXACT_MATCH(Set.of(OutputType.MULTIPLE_CHOICE, OutputType.GENERATE_UNTIL));

        private final Set<OutputType> outputTypes;

        Name(Set<OutputType> outputTypes) {
            this.outputTypes = outputTypes;
        }

        boolean isOf(OutputType type) {
            return outputTypes.contains(type);
        }

        String key() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static Metric plain(Name name) {
        return new Metric(name, List.of(), false, false, false);
    }

    boolean higherIsBetter() {
        return name != Name.PERPLEXITY;
    }
}
