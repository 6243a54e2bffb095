package io.mmpo.report;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What was measured of a checkpoint after training.
 *
 * @param checkpoint its name within the run
 * @param step that it was written after
 * @param accuracies of tests of ability, by task, in percent
 * @param meanAccuracy over them, in percent
 * @param winRate of AlpacaEval, in percent; lengthControlled likewise
 * @param errors of what is a mean over runs; empty of one run
 */
record Evaluation(
        String checkpoint,
        int step,
        OptionalDouble epoch,
        Map<String, Double> accuracies,
        OptionalDouble meanAccuracy,
        OptionalDouble winRate,
        OptionalDouble lengthControlled,
        Optional<Errors> errors) {
    /** Standard errors over runs, of numbers in percent; NaN where the number is missing. */
    record Errors(double meanAccuracy, double winRate, double lengthControlled) {}
}
