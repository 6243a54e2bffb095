package io.mmpo.eval.lm;

import java.util.Locale;

/** What is asked of the model for a row, by the harness's names. */
enum OutputType {
    /** The log-likelihood of every choice. */
    MULTIPLE_CHOICE,
    /** The log-likelihood of the target, and whether greedy decoding gives it. */
    LOGLIKELIHOOD,
    /** Text that greedy decoding gives, up to a stop text. */
    GENERATE_UNTIL;

    String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
