package io.mmpo.train;

import io.mmpo.nativelib.BatchResult;
import java.util.LinkedHashMap;
import java.util.Map;

/** What happened since the last line of metrics: means over its steps and pairs, as TRL logs them, and how fast it went. */
final class MetricWindow {
    private final PreferenceMetrics preference = new PreferenceMetrics();
    private int steps;
    private double lossSum;
    private long groups;
    private long tokens;
    private double seconds;
    private double dataWaitSeconds;

    /** Rewards and log-probabilities of a micro-batch, both responses scored. */
    void addPairs(BatchResult result) {
        preference.add(result);
    }

    /** loss: mean over the step's pairs (SFT: tokens). */
    void addStep(double loss, long stepGroups, long stepTokens, double stepSeconds, double waitSeconds) {
        steps++;
        lossSum += loss;
        groups += stepGroups;
        tokens += stepTokens;
        seconds += stepSeconds;
        dataWaitSeconds += waitSeconds;
    }

    /** gradNorm and learningRate are those of the last step. */
    Map<String, Number> metrics(double gradNorm, double learningRate, double epoch, int globalStep) {
        Map<String, Number> metrics = new LinkedHashMap<>();
        metrics.put("loss", lossSum / steps);
        metrics.put("grad_norm", gradNorm);
        metrics.put("learning_rate", learningRate);
        preference.writeTo(metrics, "");
        metrics.put("epoch", epoch);
        metrics.put("step", globalStep);
        metrics.put("step_seconds", seconds / steps);
        metrics.put("pairs_per_second", groups / seconds);
        metrics.put("tokens_per_second", tokens / seconds);
        metrics.put("data_wait_seconds", dataWaitSeconds);
        metrics.put("peak_memory_bytes", ProcessMemory.peakBytes());
        return metrics;
    }
}
