package io.mmpo;

/**
 * A run that has come to its end.
 *
 * @param seconds of training, since it began or went on
 * @param referenceSeconds of the reference log-probabilities before it
 * @param rowsPerSecond of training
 * @param loss mean over all steps whose whole loss was computed
 */
public record TrainingSummary(
        int step,
        double epoch,
        double loss,
        double seconds,
        double referenceSeconds,
        double rowsPerSecond,
        double stepsPerSecond)
        implements RunMetrics {}
