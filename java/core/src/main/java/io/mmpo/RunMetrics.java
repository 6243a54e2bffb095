package io.mmpo;

/**
 * What a run says of itself: the means of some steps, an evaluation on rows or by tests of ability, or the summary at its end. A number
 * that a line does not have, which those of other programs may not, is NaN.
 */
public sealed interface RunMetrics permits StepMetrics, Evaluation, TaskEvaluation, TrainingSummary {
    /** Updates that had been made. */
    int step();

    /** Passes over the training rows that had been made, a fraction inside one. */
    double epoch();
}
