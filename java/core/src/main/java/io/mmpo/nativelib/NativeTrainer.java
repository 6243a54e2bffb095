package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Gradients, moments and master weights of a model in training. It updates the model's weights in place, so the model stays
 * usable for scoring between steps. Threads and failures as in {@link NativeModel}.
 */
public final class NativeTrainer implements AutoCloseable {
    // mmpo_state
    static final int PARAMETERS = 0;
    static final int EXP_AVG = 1;
    static final int EXP_AVG_SQ = 2;
    static final int GRADIENTS = 3;

    private final NativeModel model;
    private final NativeHandle handle;

    private NativeTrainer(NativeModel model, MemorySegment address) {
        this.model = model;
        this.handle = new NativeHandle(
                "trainer", address, Bindings.TRAINER_FREE, model.handle().lock());
    }

    /** The trainer ends with the model at the latest. */
    public static NativeTrainer create(NativeModel model, OptimizerSettings settings) {
        return model.handle().call("mmpo_trainer_create", call -> {
            MemorySegment out = call.memory().allocate(ADDRESS);
            call.check((int) Bindings.TRAINER_CREATE.invokeExact(
                    model.handle().address(), Structs.optimizerConfig(settings, call.memory()), out, call.error()));
            NativeTrainer trainer = new NativeTrainer(model, out.get(ADDRESS, 0));
            model.opened(trainer);
            return trainer;
        });
    }

    /**
     * Forward and backward of one micro-batch; gradients add up until the next {@link #step}.
     *
     * @param refLogps [C] of the reference model for MMPO and DPO, else null
     */
    public BatchResult accumulate(PackedBatch batch, Objective objective, double @Nullable [] refLogps) {
        return accumulate(batch, objective, refLogps, null);
    }

    /** The same with the reward range that MMPO normalises with; null: the micro-batch's own. */
    public BatchResult accumulate(
            PackedBatch batch, Objective objective, double @Nullable [] refLogps, @Nullable RewardRange rewardRange) {
        return handle.call(
                "mmpo_trainer_accumulate",
                call -> LossCall.run(
                        Bindings.TRAINER_ACCUMULATE, handle.address(), call, batch, objective, refLogps, rewardRange));
    }

    /**
     * Clips the accumulated gradient to maxGradNorm (0: no clipping), updates the weights and clears the gradient.
     *
     * @return the gradient's norm before clipping
     * @throws NativeException with status NON_FINITE, and nothing updated, if the norm is not finite
     */
    public double step(double learningRate, double maxGradNorm) {
        return handle.call("mmpo_trainer_step", call -> {
            MemorySegment norm = call.memory().allocate(JAVA_DOUBLE);
            call.check((int)
                    Bindings.TRAINER_STEP.invokeExact(handle.address(), learningRate, maxGradNorm, norm, call.error()));
            return norm.get(JAVA_DOUBLE, 0);
        });
    }

    /** The 32-bit parameters, flat. Writable, as all state: see {@link #restore}. It lives as long as this trainer. */
    public MemorySegment parameters() {
        return state(PARAMETERS);
    }

    /** Adam's first moments, 32-bit, flat. */
    public MemorySegment expAvg() {
        return state(EXP_AVG);
    }

    /** Adam's second moments, 32-bit, flat. */
    public MemorySegment expAvgSq() {
        return state(EXP_AVG_SQ);
    }

    /** What the micro-batches since the last step added up to, 32-bit, flat. */
    public MemorySegment gradients() {
        return state(GRADIENTS);
    }

    private MemorySegment state(int state) {
        return handle.call("mmpo_trainer_state", call -> {
            MemorySegment data = call.memory().allocate(ADDRESS);
            MemorySegment numElements = call.memory().allocate(JAVA_LONG);
            call.check(
                    (int) Bindings.TRAINER_STATE.invokeExact(handle.address(), state, data, numElements, call.error()));
            return handle.borrow(data.get(ADDRESS, 0), Math.multiplyExact(numElements.get(JAVA_LONG, 0), Float.BYTES));
        });
    }

    /** Updates done so far: the t of Adam's bias correction. */
    public long numSteps() {
        return handle.call("mmpo_trainer_num_steps", call -> {
            MemorySegment number = call.memory().allocate(JAVA_LONG);
            call.check((int) Bindings.TRAINER_NUM_STEPS.invokeExact(handle.address(), number, call.error()));
            return number.get(JAVA_LONG, 0);
        });
    }

    /** After the state was written from a checkpoint: sets the number of updates and refreshes the model's weights. */
    public void restore(long numSteps) {
        handle.call("mmpo_trainer_restore", call -> {
            call.check((int) Bindings.TRAINER_RESTORE.invokeExact(handle.address(), numSteps, call.error()));
            return numSteps;
        });
    }

    /** First element, in the flat state, of the parameter at this index of {@link NativeModel#trainableParameters}. */
    public long stateOffset(int parameterIndex) {
        return handle.call("mmpo_trainer_state_offset", call -> {
            MemorySegment offset = call.memory().allocate(JAVA_LONG);
            call.check((int) Bindings.TRAINER_STATE_OFFSET.invokeExact(
                    handle.address(), (long) parameterIndex, offset, call.error()));
            return offset.get(JAVA_LONG, 0);
        });
    }

    @Override
    public void close() {
        handle.lock().lock();
        try {
            handle.close();
            model.closed(this);
        } finally {
            handle.lock().unlock();
        }
    }
}
