package io.mmpo.plan;

import io.mmpo.config.IntervalStrategy;
import io.mmpo.config.RunOptions;
import io.mmpo.config.ScheduleOptions;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.WeightType;
import java.util.OptionalInt;

/**
 * Bytes of weights and optimizer state that a run leaves on disk; headers, tokenizer and logs are small beside them.
 *
 * @param finalModel of final/: a model, or an adapter alone
 * @param checkpoint of one: the same weights, the optimizer's state, and what is trained where the weights' type is narrower
 * @param checkpoints that lie there at most at a time, the one that is about to be removed included; absent where the number of
 *     steps is not known
 */
public record FilePlan(long finalModel, long checkpoint, OptionalInt checkpoints) {
    static FilePlan of(
            ParameterSizes trained,
            WeightType trainedType,
            WeightType savedType,
            OptimizerType optimizer,
            RunOptions run,
            ScheduleOptions schedule) {
        long weights = trained.elements() * savedType.bytes();
        long masters = savedType.holds(trainedType) ? 0 : trained.elements() * trainedType.bytes();
        return new FilePlan(
                weights,
                weights + (run.saveOnlyModel() ? 0 : masters + trained.optimizerBytes(optimizer)),
                checkpoints(run, schedule.maxSteps()));
    }

    /** All that lies there at most at a time; with one checkpoint where their number is not known. */
    public long total() {
        return finalModel + checkpoint * checkpoints.orElse(1);
    }

    private static OptionalInt checkpoints(RunOptions run, OptionalInt maxSteps) {
        if (run.saveStrategy() == IntervalStrategy.NO) {
            return OptionalInt.of(0);
        }
        OptionalInt written = run.saveStrategy() == IntervalStrategy.STEPS && maxSteps.isPresent()
                ? OptionalInt.of(Math.ceilDiv(
                        maxSteps.getAsInt(), Math.max(1, run.saveSteps().of(maxSteps.getAsInt()))))
                : OptionalInt.empty();
        if (run.checkpointsAtOnce().isEmpty()) {
            return written;
        }
        int kept = run.checkpointsAtOnce().getAsInt();
        return OptionalInt.of(Math.min(kept, written.orElse(kept)));
    }
}
