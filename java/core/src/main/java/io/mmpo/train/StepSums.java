package io.mmpo.train;

import io.mmpo.dist.Ranks;
import io.mmpo.run.TrainerState.PairSums;

/**
 * What a rank adds up over its rows of a step or an evaluation, and what becomes of it over all ranks.
 *
 * @param weight what the loss is divided by: pairs, or tokens for SFT
 * @param tokens that went through the model
 * @param seconds that it took; over all ranks those of the first one
 * @param stops whether a rank was asked to stop
 */
record StepSums(double loss, double weight, long tokens, double seconds, PairSums pairs, boolean stops) {
    /** The same on every rank. */
    StepSums over(Ranks ranks, String what) {
        if (!ranks.areSeveral()) {
            return this;
        }
        double[] sums = ranks.sum(
                new double[] {
                    loss,
                    weight,
                    tokens,
                    ranks.isFirst() ? seconds : 0,
                    stops ? 1 : 0,
                    pairs.pairs(),
                    pairs.chosenReward(),
                    pairs.rejectedReward(),
                    pairs.accurate(),
                    pairs.chosenLogp(),
                    pairs.rejectedLogp()
                },
                what);
        return new StepSums(
                sums[0],
                sums[1],
                (long) sums[2],
                sums[3],
                new PairSums((long) sums[5], sums[6], sums[7], sums[8], sums[9], sums[10]),
                sums[4] > 0);
    }
}
