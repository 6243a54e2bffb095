package io.mmpo.train;

import io.mmpo.config.TrainingConfig;
import io.mmpo.dist.RankGroup;
import io.mmpo.dist.RankPlace;
import io.mmpo.dist.Ranks;
import java.time.Duration;
import java.util.Optional;
import java.util.function.IntFunction;

/** Trains a model as a configuration says. */
public final class Trainer {
    private Trainer() {}

    /**
     * Runs to the end, or until the listener asks to stop. Writes into output_dir: config.yaml, metrics.jsonl, checkpoints and
     * the final model. Failures are {@link io.mmpo.MmpoException}s. Where the environment says that this process is one of several ranks
     * (docs/distributed.md), all of them call this with the same configuration; the first one's listener hears all, the others' are asked
     * whether to stop.
     */
    public static TrainingResult run(TrainingConfig config, ProgressListener listener) {
        IntFunction<RowOrder> orderOf = numRows -> RowOrder.seeded(config.run().dataSeed(), numRows);
        Optional<RankPlace> place = RankPlace.of(System.getenv());
        return place.isEmpty() ? run(config, listener, orderOf) : run(place.get(), config, listener, orderOf);
    }

    /** The same with rows that are in memory, or without files that are left. */
    public static TrainingResult run(TrainingConfig config, RunMemory memory, ProgressListener listener) {
        try (TrainingSession session = TrainingSession.open(config, memory, listener)) {
            return session.train(numRows -> RowOrder.seeded(config.run().dataSeed(), numRows));
        }
    }

    /** orderOf: the order of a data set of so many rows. */
    static TrainingResult run(TrainingConfig config, ProgressListener listener, IntFunction<RowOrder> orderOf) {
        return run(config, listener, orderOf, Ranks.ALONE);
    }

    private static TrainingResult run(
            RankPlace place, TrainingConfig config, ProgressListener listener, IntFunction<RowOrder> orderOf) {
        Duration timeout = Duration.ofSeconds(config.ranks().timeoutSeconds());
        try (RankGroup ranks = RankGroup.join(place, timeout, config.run().outputDir())) {
            try {
                return run(config, ranks.isFirst() ? listener : onlyStopping(listener), orderOf, ranks);
            } catch (RuntimeException e) {
                throw ranks.explained(e);
            }
        }
    }

    private static ProgressListener onlyStopping(ProgressListener listener) {
        return new ProgressListener() {
            @Override
            public boolean stopRequested() {
                return listener.stopRequested();
            }
        };
    }

    private static TrainingResult run(
            TrainingConfig config, ProgressListener listener, IntFunction<RowOrder> orderOf, Ranks ranks) {
        try (TrainingSession session = TrainingSession.open(config, listener, ranks)) {
            return session.train(orderOf);
        }
    }
}
