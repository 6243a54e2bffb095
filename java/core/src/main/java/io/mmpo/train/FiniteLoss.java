package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.infer.Failures;
import io.mmpo.nativelib.BatchResult;
import java.util.ArrayList;
import java.util.List;

/** The check of what a micro-batch gave. */
final class FiniteLoss {
    private FiniteLoss() {}

    /**
     * Stops the run where a loss or a log-probability that it comes from is not a finite number. scoredAll: otherwise only the
     * chosen completions were scored, and there is no loss.
     */
    static void require(BatchResult result, MicroBatch batch, boolean scoredAll, String during) {
        List<Integer> broken = new ArrayList<>();
        int completion = 0;
        for (int group = 0; group < batch.numGroups(); group++) {
            int size = batch.packed().groupSizes()[group];
            int scored = scoredAll ? size : 1;
            boolean finite = !scoredAll || Double.isFinite(result.losses()[group]);
            for (int i = 0; i < scored; i++) {
                finite &= Double.isFinite(result.logps()[completion + i]);
            }
            if (!finite) {
                broken.add(batch.rows()[group]);
            }
            completion += size;
        }
        if (!broken.isEmpty()) {
            throw MmpoException.training(
                    "The loss is not a finite number at %s, for %s of the data; nothing was updated. Look at these rows, or lower"
                            + " learning_rate.",
                    during,
                    Failures.describe(broken.stream().mapToInt(row -> row).toArray()));
        }
    }
}
