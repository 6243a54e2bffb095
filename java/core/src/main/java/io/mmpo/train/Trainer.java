package io.mmpo.train;

import io.mmpo.config.TrainingConfig;
import java.util.function.IntFunction;

/** Trains a model as a configuration says. */
public final class Trainer {
    private Trainer() {}

    /**
     * Runs to the end, or until the listener asks to stop. Writes into output_dir: config.yaml, metrics.jsonl, checkpoints and
     * the final model. Failures are {@link io.mmpo.MmpoException}s.
     */
    public static TrainingResult run(TrainingConfig config, ProgressListener listener) {
        return run(config, listener, numRows -> RowOrder.seeded(config.run().dataSeed(), numRows));
    }

    /** The same with rows that are in memory, or without files that are left. */
    public static TrainingResult run(TrainingConfig config, RunMemory memory, ProgressListener listener) {
        try (TrainingSession session = TrainingSession.open(config, memory, listener)) {
            return session.train(numRows -> RowOrder.seeded(config.run().dataSeed(), numRows));
        }
    }

    /** orderOf: the order of a data set of so many rows. */
    static TrainingResult run(TrainingConfig config, ProgressListener listener, IntFunction<RowOrder> orderOf) {
        try (TrainingSession session = TrainingSession.open(config, listener)) {
            return session.train(orderOf);
        }
    }
}
