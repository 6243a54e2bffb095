package io.mmpo.train;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import io.mmpo.config.LossOptions;
import io.mmpo.nativelib.BatchResult;
import java.util.Map;

/** TRL's metrics of preference pairs: means over the pairs whose two responses were scored. */
final class PreferenceMetrics {
    /** Sums over pairs, for a run that goes on elsewhere. */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    record Sums(
            long pairs,
            double chosenReward,
            double rejectedReward,
            double accurate,
            double chosenLogp,
            double rejectedLogp) {
        static final Sums NONE = new Sums(0, 0, 0, 0, 0, 0);
    }

    private long pairs;
    private double chosenReward;
    private double rejectedReward;
    private double accurate;
    private double chosenLogp;
    private double rejectedLogp;

    PreferenceMetrics(Sums sums) {
        pairs = sums.pairs();
        chosenReward = sums.chosenReward();
        rejectedReward = sums.rejectedReward();
        accurate = sums.accurate();
        chosenLogp = sums.chosenLogp();
        rejectedLogp = sums.rejectedLogp();
    }

    Sums sums() {
        return new Sums(pairs, chosenReward, rejectedReward, accurate, chosenLogp, rejectedLogp);
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

    void writeTo(Map<String, Number> metrics, String prefix) {
        if (pairs == 0) {
            return;
        }
        metrics.put(prefix + "rewards/chosen", chosenReward / pairs);
        metrics.put(prefix + "rewards/rejected", rejectedReward / pairs);
        metrics.put(prefix + "rewards/accuracies", accurate / pairs);
        metrics.put(prefix + "rewards/margins", (chosenReward - rejectedReward) / pairs);
        metrics.put(prefix + "logps/chosen", chosenLogp / pairs);
        metrics.put(prefix + "logps/rejected", rejectedLogp / pairs);
    }
}
