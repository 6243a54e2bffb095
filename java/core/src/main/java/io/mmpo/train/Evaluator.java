package io.mmpo.train;

import io.mmpo.Evaluation;
import io.mmpo.config.LossOptions;
import io.mmpo.dist.Ranks;
import io.mmpo.infer.Scorer;
import io.mmpo.nativelib.BatchResult;
import io.mmpo.run.TrainerState.PairSums;
import io.mmpo.spec.Objective;
import java.util.Arrays;

/** The loss and the metrics on rows that are not trained on, after so many steps. */
final class Evaluator {
    private final Scorer scorer;
    private final LossOptions loss;
    private final RowSet rows;
    private final int batchSize;
    private final Ranks ranks;

    Evaluator(Scorer scorer, LossOptions loss, RowSet rows, int batchSize, Ranks ranks) {
        this.scorer = scorer;
        this.loss = loss;
        this.rows = rows;
        this.batchSize = batchSize;
        this.ranks = ranks;
    }

    /** The loss is the mean over pairs (SFT: over tokens). Ranks take turns with the batches. */
    Evaluation evaluate(double epoch, int globalStep, ProgressListener listener) {
        long start = System.nanoTime();
        String during =
                globalStep == 0 ? "the evaluation before the first step" : "the evaluation after step " + globalStep;
        boolean isSft = loss.isSft();
        Objective objective = loss.objective(1, true);
        PreferenceMetrics preference = new PreferenceMetrics(PairSums.NONE);
        double lossSum = 0;
        long weight = 0;
        listener.started(ProgressListener.Phase.EVALUATION, 0, rows.size());
        int numBatches = rows.numBatches(batchSize);
        for (int i = ranks.rank(); i < numBatches; i += ranks.size()) {
            MicroBatch batch = rows.batch(i, batchSize);
            BatchResult result =
                    scorer.evaluate(batch.packed(), batch.rows(), "the evaluation data", objective, batch.refLogps());
            FiniteLoss.require(result, batch, true, during);
            lossSum += Arrays.stream(result.losses()).sum();
            weight += isSft ? batch.numLearntTokens() : batch.numGroups();
            if (!isSft) {
                preference.add(
                        PreferenceMetrics.asLogged(result, loss, batch.packed().completionLengths()));
            }
            long done = Math.min(rows.size(), (i + 1L) * batchSize);
            listener.advanced(ProgressListener.Phase.EVALUATION, done, done);
        }
        listener.finished(ProgressListener.Phase.EVALUATION);
        StepSums own = new StepSums(lossSum, weight, 0, (System.nanoTime() - start) * 1e-9, preference.sums(), false);
        StepSums all = own.over(ranks, during);
        double seconds = all.seconds();
        return new Evaluation(
                globalStep,
                epoch,
                all.loss() / all.weight(),
                new PreferenceMetrics(all.pairs()).means(),
                seconds,
                rows.size() / seconds,
                numBatches / seconds);
    }
}
