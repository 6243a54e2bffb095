package io.mmpo.nativelib;

import static io.mmpo.spec.Require.require;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import io.mmpo.spec.Objective;
import io.mmpo.spec.RewardRange;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/** The common shape of mmpo_trainer_accumulate and mmpo_model_evaluate. */
final class LossCall {
    private LossCall() {}

    static BatchResult run(
            MethodHandle function,
            MemorySegment object,
            NativeCall call,
            PackedBatch batch,
            Objective objective,
            double @Nullable [] refLogps,
            @Nullable RewardRange rewardRange)
            throws Throwable {
        require(
                refLogps == null || refLogps.length == batch.numCompletions(),
                "reference log-probabilities must be one a completion: wanted %d, got %d",
                batch.numCompletions(),
                refLogps == null ? 0 : refLogps.length);
        // Variables, since invokeExact takes an argument's type from its expression and a conditional's would be
        // Object.
        MemorySegment reference =
                refLogps == null ? MemorySegment.NULL : call.memory().allocateFrom(JAVA_DOUBLE, refLogps);
        MemorySegment range = rewardRange == null
                ? MemorySegment.NULL
                : call.memory().allocateFrom(JAVA_DOUBLE, rewardRange.minimum(), rewardRange.maximum());
        MemorySegment losses = call.memory().allocate(JAVA_DOUBLE, batch.numGroups());
        MemorySegment logps = call.memory().allocate(JAVA_DOUBLE, batch.numCompletions());
        MemorySegment rewards = call.memory().allocate(JAVA_DOUBLE, batch.numCompletions());
        call.check((int) function.invokeExact(
                object,
                Structs.batch(batch, call.memory()),
                Structs.objective(objective, call.memory()),
                reference,
                range,
                losses,
                logps,
                rewards,
                call.error()));
        return new BatchResult(losses.toArray(JAVA_DOUBLE), logps.toArray(JAVA_DOUBLE), rewards.toArray(JAVA_DOUBLE));
    }
}
