package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mmpo.spec.Objective;
import io.mmpo.spec.OptimizerSettings;
import io.mmpo.spec.RewardRange;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Gradients, optimizer state and master weights of a model in training. It updates the model's weights in place, so the model stays
 * usable for scoring between steps. Threads and failures as in {@link NativeModel}.
 */
public final class NativeTrainer implements AutoCloseable {
    // mmpo_state
    static final int PARAMETERS = 0;
    static final int GRADIENTS = 1;
    static final int OPTIMIZER = 2;

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

    /** One of several ranks. A rank without rows accumulates an empty batch; the objective's scale is that of all ranks' rows. */
    public static NativeTrainer create(NativeModel model, OptimizerSettings settings, Sharding sharding) {
        return model.handle().call("mmpo_trainer_create_sharded", call -> {
            MemorySegment out = call.memory().allocate(ADDRESS);
            call.check((int) Bindings.TRAINER_CREATE_SHARDED.invokeExact(
                    model.handle().address(),
                    Structs.optimizerConfig(settings, call.memory()),
                    Structs.sharding(sharding, call.memory()),
                    out,
                    call.error()));
            NativeTrainer trainer = new NativeTrainer(model, out.get(ADDRESS, 0));
            model.opened(trainer);
            return trainer;
        });
    }

    /**
     * Which of the update's groups, of all ranks, those of the next micro-batch are, from 0: what dropout leaves of a group is a function of
     * its number. Where nobody says so they follow those of the last micro-batch.
     */
    public void expectGroups(long[] numbers) {
        handle.call("mmpo_trainer_expect_groups", call -> {
            MemorySegment given = call.memory().allocateFrom(JAVA_LONG, numbers);
            call.check((int) Bindings.TRAINER_EXPECT_GROUPS.invokeExact(
                    handle.address(), given, (long) numbers.length, call.error()));
            return numbers.length;
        });
    }

    /** The next micro-batch is the last one before {@link #step}, so that its gradients may travel as they are made. */
    public void expectStep() {
        handle.call("mmpo_trainer_expect_step", call -> {
            call.check((int) Bindings.TRAINER_EXPECT_STEP.invokeExact(handle.address(), call.error()));
            return true;
        });
    }

    /** What this rank has sent to others since it was created; 0 of one rank. */
    public long bytesSent() {
        return handle.call("mmpo_trainer_bytes_sent", call -> {
            MemorySegment bytes = call.memory().allocate(JAVA_LONG);
            call.check((int) Bindings.TRAINER_BYTES_SENT.invokeExact(handle.address(), bytes, call.error()));
            return bytes.get(JAVA_LONG, 0);
        });
    }

    /** Elements [begin, begin + count) of a parameter in its order; of block-wise scales begin is a block's number. */
    public record Range(long begin, long count) {}

    /** What {@link #optimizerState} holds at an index: all of its parameter, or this rank's part, which is then a vector. */
    public Range optimizerRange(int index) {
        return range(OPTIMIZER, index);
    }

    /** The same of {@link #parameters}. */
    public Range parameterRange(int index) {
        return range(PARAMETERS, index);
    }

    private Range range(int state, long index) {
        return handle.call("mmpo_trainer_range", call -> {
            MemorySegment range = call.memory().allocate(Layouts.RANGE);
            call.check((int) Bindings.TRAINER_RANGE.invokeExact(handle.address(), state, index, range, call.error()));
            return new Range(
                    range.get(JAVA_LONG, Layouts.offset(Layouts.RANGE, "begin")),
                    range.get(JAVA_LONG, Layouts.offset(Layouts.RANGE, "count")));
        });
    }

    /**
     * Forward and backward of one micro-batch; gradients add up until the next {@link #step}.
     *
     * @param refLogps [C] of the reference model for MMPO and DPO, else null; null too where MMPO leaves the rejected completions
     *     out (scoreRejected), whose losses and rewards are then NaN
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
     * Clips the accumulated gradient to maxGradNorm (0: no clipping) and updates the weights; the next micro-batch begins a new
     * gradient.
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

    /**
     * What is trained, by the model's names: the model's own weights, or in 32 bits a master copy of narrower ones. It lives as
     * long as this trainer; on a GPU it is a copy. {@link #load} changes it.
     */
    public List<Tensor> parameters() {
        return tensors(PARAMETERS);
    }

    /** What the micro-batches since the last step added up to, in 32 bits, by the model's names. */
    public List<Tensor> gradients() {
        return tensors(GRADIENTS);
    }

    /** The optimizer's own state, "exp_avg.model.norm.weight" say: with the parameters, what a checkpoint needs. */
    public List<Tensor> optimizerState() {
        return tensors(OPTIMIZER);
    }

    private List<Tensor> tensors(int state) {
        return handle.call("mmpo_trainer_tensor", call -> {
            MemorySegment number = call.memory().allocate(JAVA_LONG);
            call.check((int) Bindings.TRAINER_NUM_TENSORS.invokeExact(handle.address(), state, number, call.error()));
            MemorySegment tensor = call.memory().allocate(Layouts.TENSOR);
            List<Tensor> tensors = new ArrayList<>();
            for (long i = 0; i < number.get(JAVA_LONG, 0); i++) {
                call.check((int) Bindings.TRAINER_TENSOR.invokeExact(handle.address(), state, i, tensor, call.error()));
                long index = i;
                tensors.add(Structs.tensor(
                        tensor,
                        handle,
                        target -> call.check((int) Bindings.TRAINER_READ.invokeExact(
                                handle.address(), state, index, target, call.error()))));
            }
            return List.copyOf(tensors);
        });
    }

    /**
     * All {@link #parameters} from tensors of any float type, which are read a piece at a time; the model's own weights follow. What a
     * read throws is thrown.
     *
     * @throws NativeException with status INVALID_MODEL, naming the tensor that is missing, unknown, misshapen or not finite
     */
    public void load(List<? extends StoredTensor> weights) {
        WeightReader reader = new WeightReader(weights);
        try (Arena arena = Arena.ofConfined()) {
            handle.call("mmpo_trainer_load", call -> {
                int status = (int) Bindings.TRAINER_LOAD.invokeExact(
                        handle.address(),
                        Structs.storedTensors(weights, arena),
                        (long) weights.size(),
                        reader.stub(arena),
                        MemorySegment.NULL,
                        call.error());
                reader.rethrow();
                call.check(status);
                return weights;
            });
        }
    }

    /** Writes one of {@link #optimizerState}, by its place among them. {@link #restore} makes it count. */
    public void writeOptimizerState(int index, MemorySegment data) {
        long place = index;
        handle.call("mmpo_trainer_write", call -> {
            call.check(
                    (int) Bindings.TRAINER_WRITE.invokeExact(handle.address(), OPTIMIZER, place, data, call.error()));
            return place;
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
