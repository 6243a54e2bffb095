package io.mmpo.train;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import io.mmpo.nativelib.BatchResult;
import io.mmpo.nativelib.DeviceInfo;
import io.mmpo.spec.Device;
import java.util.LinkedHashMap;
import java.util.Map;

/** What happened since the last line of metrics: means over its steps and pairs, as TRL logs them, and how fast it went. */
final class MetricWindow {
    /** What a checkpoint keeps of it, so that the next line is that of a run without a break. */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    record Sums(
            int steps,
            int stepsWithLoss,
            double loss,
            long groups,
            long tokens,
            double seconds,
            double dataWaitSeconds,
            PreferenceMetrics.Sums preference) {
        static final Sums NONE = new Sums(0, 0, 0, 0, 0, 0, 0, PreferenceMetrics.Sums.NONE);
    }

    private final PreferenceMetrics preference;
    private int steps;
    private int stepsWithLoss;
    private double lossSum;
    private long groups;
    private long tokens;
    private double seconds;
    private double dataWaitSeconds;

    MetricWindow(Sums sums) {
        preference = new PreferenceMetrics(sums.preference());
        steps = sums.steps();
        stepsWithLoss = sums.stepsWithLoss();
        lossSum = sums.loss();
        groups = sums.groups();
        tokens = sums.tokens();
        seconds = sums.seconds();
        dataWaitSeconds = sums.dataWaitSeconds();
    }

    Sums sums() {
        return new Sums(steps, stepsWithLoss, lossSum, groups, tokens, seconds, dataWaitSeconds, preference.sums());
    }

    /** Rewards and log-probabilities of a micro-batch, both responses scored. */
    void addPairs(BatchResult result) {
        preference.add(result);
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
    Map<String, Number> metrics(double gradNorm, double learningRate, double epoch, int globalStep) {
        Map<String, Number> metrics = new LinkedHashMap<>();
        metrics.put("loss", lossSum / stepsWithLoss);
        metrics.put("grad_norm", gradNorm);
        metrics.put("learning_rate", learningRate);
        preference.writeTo(metrics, "");
        metrics.put("epoch", epoch);
        metrics.put("step", globalStep);
        metrics.put("step_seconds", seconds / steps);
        metrics.put("pairs_per_second", groups / seconds);
        metrics.put("tokens_per_second", tokens / seconds);
        metrics.put("data_wait_seconds", dataWaitSeconds);
        long onGpu = DeviceInfo.peakBytes(Device.CUDA);
        metrics.put("peak_memory_bytes", onGpu > 0 ? onGpu : ProcessMemory.peakBytes());
        return metrics;
    }
}
