package io.mmpo.eval.reward;

import io.mmpo.MmpoException;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.infer.Scorer;
import io.mmpo.nativelib.BatchResult;
import io.mmpo.spec.Objective;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;

/**
 * How often a model's reward of the chosen response is above that of the rejected one, and the rewards' means. What the reward is says
 * the objective: DPO's is β times the log-ratio of model and reference, SimPO's β times the log-probability, MMPO's the score s after
 * the normalisation over the micro-batch.
 *
 * @param standardError of the accuracy; NaN of one pair
 */
public record RewardAccuracy(
        int pairs, double accuracy, double standardError, double chosenReward, double rejectedReward) {
    public double margin() {
        return chosenReward - rejectedReward;
    }

    /**
     * Over all pairs, in micro-batches of their order.
     *
     * @param reference where the objective reads one
     * @param progress hears how many pairs are done
     * @param of where the pairs are from, for a failure's text
     */
    public static RewardAccuracy of(
            Scorer model,
            Optional<Scorer> reference,
            TokenizedDataset pairs,
            Objective objective,
            int batchSize,
            IntConsumer progress,
            String of) {
        Sums sums = new Sums();
        int count = Scorer.inBatches(pairs, batchSize, groups -> {
            double[] referenceLogps =
                    reference.map(frozen -> frozen.logps(groups, of)).orElse(null);
            sums.add(groups, model.evaluate(groups, of, objective, referenceLogps));
            progress.accept(sums.pairs);
        });
        if (count == 0) {
            throw MmpoException.data(
                    "The data has no pairs; rows with a prompt, a chosen and a rejected response are wanted.");
        }
        double accuracy = (double) sums.right / count;
        return new RewardAccuracy(
                count,
                accuracy,
                Math.sqrt(accuracy * (1 - accuracy) / (count - 1)),
                sums.chosen / count,
                sums.rejected / count);
    }

    private static final class Sums {
        private int pairs;
        private int right;
        private double chosen;
        private double rejected;

        void add(List<TokenizedGroup> groups, BatchResult result) {
            for (int i = 0; i < groups.size(); i++) {
                double ofChosen = finite(result.rewards()[2 * i], groups.get(i));
                double ofRejected = finite(result.rewards()[2 * i + 1], groups.get(i));
                right += ofChosen > ofRejected ? 1 : 0;
                chosen += ofChosen;
                rejected += ofRejected;
            }
            pairs += groups.size();
        }
    }

    private static double finite(double reward, TokenizedGroup group) {
        if (!Double.isFinite(reward)) {
            throw MmpoException.training(
                    "The reward of a response of row %d is not a finite number. The model's or the reference model's weights are damaged or too"
                            + " large; look at them.",
                    group.row() + 1);
        }
        return reward;
    }
}
