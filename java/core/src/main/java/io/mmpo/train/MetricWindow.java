package io.mmpo.train;

import io.mmpo.StepMetrics;
import io.mmpo.nativelib.DeviceInfo;
import io.mmpo.run.TrainerState.PairSums;
import io.mmpo.run.TrainerState.WindowSums;
import io.mmpo.spec.Device;
import java.util.OptionalLong;

/** What happened since the last line of metrics: means over its steps and pairs, as TRL logs them, and how fast it went. */
final class MetricWindow {
    private final PreferenceMetrics preference;
    private int steps;
    private int stepsWithLoss;
    private double lossSum;
    private long groups;
    private long tokens;
    private double seconds;
    private double dataWaitSeconds;

    MetricWindow(WindowSums sums) {
        preference = new PreferenceMetrics(sums.preference());
        steps = sums.steps();
        stepsWithLoss = sums.stepsWithLoss();
        lossSum = sums.loss();
        groups = sums.groups();
        tokens = sums.tokens();
        seconds = sums.seconds();
        dataWaitSeconds = sums.dataWaitSeconds();
    }

    /** What a checkpoint keeps of it. */
    WindowSums sums() {
        return new WindowSums(
                steps, stepsWithLoss, lossSum, groups, tokens, seconds, dataWaitSeconds, preference.sums());
    }

    /** Rewards and log-probabilities of a step's pairs, both responses scored. */
    void addPairs(PairSums sums) {
        preference.add(sums);
    }

    /** A step's loss: the mean over its pairs (SFT: tokens). */
    void addLoss(double loss) {
        stepsWithLoss++;
        lossSum += loss;
    }

    void addStep(long stepGroups, long stepTokens, double stepSeconds, double waitSeconds) {
        steps++;
        groups += stepGroups;
        tokens += stepTokens;
        seconds += stepSeconds;
        dataWaitSeconds += waitSeconds;
    }

    /** gradNorm and learningRate are those of the last step. */
    StepMetrics metrics(double gradNorm, double learningRate, double epoch, int globalStep) {
        return new StepMetrics(
                globalStep,
                epoch,
                lossSum / stepsWithLoss,
                gradNorm,
                learningRate,
                preference.means(),
                seconds / steps,
                groups / seconds,
                tokens / seconds,
                dataWaitSeconds,
                peakMemoryBytes());
    }

    private static OptionalLong peakMemoryBytes() {
        long onGpu = DeviceInfo.peakBytes(Device.CUDA);
        long bytes = onGpu > 0 ? onGpu : ProcessMemory.peakBytes();
        return bytes > 0 ? OptionalLong.of(bytes) : OptionalLong.empty();
    }
}
