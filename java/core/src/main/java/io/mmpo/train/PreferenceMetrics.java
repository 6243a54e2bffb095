package io.mmpo.train;

import io.mmpo.PairMetrics;
import io.mmpo.config.LossOptions;
import io.mmpo.nativelib.BatchResult;
import io.mmpo.run.TrainerState.PairSums;
import java.util.Optional;

/** TRL's metrics of preference pairs: means over the pairs whose two responses were scored. */
final class PreferenceMetrics {
    private long pairs;
    private double chosenReward;
    private double rejectedReward;
    private double accurate;
    private double chosenLogp;
    private double rejectedLogp;

    PreferenceMetrics(PairSums sums) {
        pairs = sums.pairs();
        chosenReward = sums.chosenReward();
        rejectedReward = sums.rejectedReward();
        accurate = sums.accurate();
        chosenLogp = sums.chosenLogp();
        rejectedLogp = sums.rejectedLogp();
    }

    /** What a checkpoint keeps of them. */
    PairSums sums() {
        return new PairSums(pairs, chosenReward, rejectedReward, accurate, chosenLogp, rejectedLogp);
    }

    /**
     * A batch's result with the log-probabilities that are logged: sums, but means over tokens where TRL makes the loss from such
     * means and so logs these.
     */
    static BatchResult asLogged(BatchResult result, LossOptions loss, int[] completionLengths) {
        if (!loss.logsMeanLogps()) {
            return result;
        }
        double[] means = result.logps().clone();
        for (int i = 0; i < means.length; i++) {
            means[i] /= completionLengths[i];
        }
        return new BatchResult(result.losses(), means, result.rewards());
    }

    void add(PairSums sums) {
        pairs += sums.pairs();
        chosenReward += sums.chosenReward();
        rejectedReward += sums.rejectedReward();
        accurate += sums.accurate();
        chosenLogp += sums.chosenLogp();
        rejectedLogp += sums.rejectedLogp();
    }

    void add(BatchResult result) {
        double[] rewards = result.rewards();
        double[] logps = result.logps();
        for (int chosen = 0; chosen < logps.length; chosen += 2) {
            int rejected = chosen + 1;
            pairs++;
            chosenReward += rewards[chosen];
            rejectedReward += rewards[rejected];
            accurate += rewards[chosen] > rewards[rejected] ? 1 : 0;
            chosenLogp += logps[chosen];
            rejectedLogp += logps[rejected];
        }
    }

    /** Empty where there were no pairs. */
    Optional<PairMetrics> means() {
        return pairs == 0
                ? Optional.empty()
                : Optional.of(new PairMetrics(
                        chosenReward / pairs,
                        rejectedReward / pairs,
                        accurate / pairs,
                        (chosenReward - rejectedReward) / pairs,
                        chosenLogp / pairs,
                        rejectedLogp / pairs));
    }
}
