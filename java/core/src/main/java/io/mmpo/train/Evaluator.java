package io.mmpo.train;

import io.mmpo.config.LossOptions;
import io.mmpo.infer.Failures;
import io.mmpo.nativelib.BatchResult;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.spec.Objective;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** The loss and the metrics on rows that are not trained on, with Hugging Face's prefix eval_. */
final class Evaluator {
    private final LossOptions loss;
    private final RowSet rows;
    private final int batchSize;

    Evaluator(LossOptions loss, RowSet rows, int batchSize) {
        this.loss = loss;
        this.rows = rows;
        this.batchSize = batchSize;
    }

    /** The loss is the mean over pairs (SFT: over tokens). */
    Map<String, Number> evaluate(NativeModel model, String during, ProgressListener listener) {
        long start = System.nanoTime();
        boolean isSft = loss.isSft();
        Objective objective = loss.objective(1, true);
        PreferenceMetrics preference = new PreferenceMetrics(PreferenceMetrics.Sums.NONE);
        double lossSum = 0;
        long weight = 0;
        listener.started(ProgressListener.Phase.EVALUATION, 0, rows.size());
        int numBatches = rows.numBatches(batchSize);
        for (int i = 0; i < numBatches; i++) {
            MicroBatch batch = rows.batch(i, batchSize);
            BatchResult result = Failures.explain(
                    () -> model.evaluate(batch.packed(), objective, batch.refLogps()),
                    batch.rows(),
                    () -> "evaluating " + Failures.describe(batch.rows()));
            FiniteLoss.require(result, batch, true, during);
            lossSum += Arrays.stream(result.losses()).sum();
            weight += isSft ? batch.numCompletionTokens() : batch.numGroups();
            if (!isSft) {
                preference.add(
                        PreferenceMetrics.asLogged(result, loss, batch.packed().completionLengths()));
            }
            long done = Math.min(rows.size(), (i + 1L) * batchSize);
            listener.advanced(ProgressListener.Phase.EVALUATION, done, done);
        }
        listener.finished(ProgressListener.Phase.EVALUATION);
        double seconds = (System.nanoTime() - start) * 1e-9;
        Map<String, Number> metrics = new LinkedHashMap<>();
        metrics.put("eval_loss", lossSum / weight);
        preference.writeTo(metrics, "eval_");
        metrics.put("eval_runtime", seconds);
        metrics.put("eval_samples_per_second", rows.size() / seconds);
        metrics.put("eval_steps_per_second", numBatches / seconds);
        return metrics;
    }
}
