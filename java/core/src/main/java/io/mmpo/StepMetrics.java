package io.mmpo;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * Means over the steps since the line before.
 *
 * @param loss over those of the steps whose whole loss was computed
 * @param gradNorm of the last step, before clipping
 * @param learningRate of the last step
 * @param pairs of those that both responses were scored of; empty for SFT
 * @param stepSeconds of one step
 * @param dataWaitSeconds that all of the steps waited for rows
 * @param peakMemoryBytes of the GPU where there is one, and else of the process, since it began; empty where it is not known
 */
public record StepMetrics(
        int step,
        double epoch,
        double loss,
        double gradNorm,
        double learningRate,
        Optional<PairMetrics> pairs,
        double stepSeconds,
        double pairsPerSecond,
        double tokensPerSecond,
        double dataWaitSeconds,
        OptionalLong peakMemoryBytes)
        implements RunMetrics {}
