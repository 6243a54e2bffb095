package io.mmpo.track;

import io.mmpo.Evaluation;
import io.mmpo.PairMetrics;
import io.mmpo.RunMetrics;
import io.mmpo.TrainingSummary;
import java.util.Optional;

/** Lines of metrics with few numbers: what a line does not have is NaN. */
final class Lines {
    private static final double NONE = Double.NaN;

    private Lines() {}

    /** train_loss and epoch 1. */
    static RunMetrics summary(int step, double loss) {
        return new TrainingSummary(step, 1, loss, NONE, NONE, NONE, NONE);
    }

    /** eval_loss, eval_rewards/margins 0.25 and epoch 1. */
    static RunMetrics evaluation(int step, double loss) {
        PairMetrics pairs = new PairMetrics(NONE, NONE, NONE, 0.25, NONE, NONE);
        return new Evaluation(step, 1, loss, Optional.of(pairs), NONE, NONE, NONE);
    }
}
