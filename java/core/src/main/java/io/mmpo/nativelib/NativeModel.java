package io.mmpo.nativelib;

import static io.mmpo.spec.Require.require;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.Objective;
import io.mmpo.spec.RewardRange;
import io.mmpo.spec.Sampling;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A model in the core's memory. Any thread may call it; calls on a model and its trainers wait for each other. Failures of the
 * core are {@link NativeException}s; a call after {@link #close} is an IllegalStateException.
 */
public final class NativeModel implements AutoCloseable {
    private final NativeHandle handle;
    private final List<NativeTrainer> trainers = new ArrayList<>();

    private NativeModel(MemorySegment address) {
        this.handle = new NativeHandle("model", address, Bindings.MODEL_FREE, new ReentrantLock());
    }

    /** On the CPU. */
    public static NativeModel create(ModelShape shape, List<Tensor> weights, ComputeType computeType) {
        return create(shape, weights, computeType, Device.CPU);
    }

    /** Copies the weights, converted to the compute type, to the device; they are no longer needed afterwards. */
    public static NativeModel create(ModelShape shape, List<Tensor> weights, ComputeType computeType, Device device) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_model_create", arena, call -> {
                MemorySegment out = arena.allocate(ADDRESS);
                call.check((int) Bindings.MODEL_CREATE.invokeExact(
                        Structs.modelConfig(shape, arena),
                        Structs.tensors(weights, arena),
                        (long) weights.size(),
                        Codes.of(computeType),
                        Codes.of(device),
                        out,
                        call.error()));
                return new NativeModel(out.get(ADDRESS, 0));
            });
        } finally {
            Reference.reachabilityFence(weights); // their memory may belong to the garbage collector
        }
    }

    /** The same of weights that are read a piece at a time, so that they are never in memory all at once; what a read throws is thrown. */
    public static NativeModel load(
            ModelShape shape, List<? extends StoredTensor> weights, ComputeType computeType, Device device) {
        NativeLibrary.load();
        WeightReader reader = new WeightReader(weights);
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_model_load", arena, call -> {
                MemorySegment out = arena.allocate(ADDRESS);
                int status = (int) Bindings.MODEL_LOAD.invokeExact(
                        Structs.modelConfig(shape, arena),
                        Structs.storedTensors(weights, arena),
                        (long) weights.size(),
                        reader.stub(arena),
                        MemorySegment.NULL,
                        Codes.of(computeType),
                        Codes.of(device),
                        out,
                        call.error());
                reader.rethrow();
                call.check(status);
                return new NativeModel(out.get(ADDRESS, 0));
            });
        }
    }

    /** How attention is computed, and why a faster way is not taken: one line. */
    public String attention() {
        return handle.call("mmpo_model_attention", call -> {
            MemorySegment text = call.memory().allocate(ADDRESS);
            call.check((int) Bindings.MODEL_ATTENTION.invokeExact(handle.address(), text, call.error()));
            return text.get(ADDRESS, 0).reinterpret(Long.MAX_VALUE).getString(0);
        });
    }

    /** Log-probabilities of the completions, summed over tokens: [C] nats. */
    public double[] logps(PackedBatch batch) {
        return handle.call("mmpo_model_logps", call -> {
            MemorySegment logps = call.memory().allocate(JAVA_DOUBLE, batch.numCompletions());
            score(call, batch, logps, MemorySegment.NULL);
            return logps.toArray(JAVA_DOUBLE);
        });
    }

    /** Log-probabilities of every completion's tokens: [C][its length] nats. */
    public float[][] tokenLogps(PackedBatch batch) {
        int[] lengths = batch.completionLengths();
        return handle.call("mmpo_model_logps", call -> {
            MemorySegment logps = call.memory().allocate(JAVA_DOUBLE, lengths.length);
            MemorySegment tokenLogps = call.memory()
                    .allocate(JAVA_FLOAT, Arrays.stream(lengths).asLongStream().sum());
            score(call, batch, logps, tokenLogps);
            float[][] result = new float[lengths.length][];
            long position = 0;
            for (int i = 0; i < lengths.length; i++) {
                result[i] = new float[lengths[i]];
                MemorySegment.copy(tokenLogps, JAVA_FLOAT, position * Float.BYTES, result[i], 0, lengths[i]);
                position += lengths[i];
            }
            return result;
        });
    }

    /** Log-probabilities of the completions, and which of them greedy decoding gives. */
    public CompletionScores score(PackedBatch batch) {
        return handle.call("mmpo_model_score", call -> {
            int count = batch.numCompletions();
            MemorySegment logps = call.memory().allocate(JAVA_DOUBLE, count);
            MemorySegment greedy = call.memory().allocate(JAVA_BYTE, count);
            MemorySegment packed = Structs.batch(batch, call.memory());
            call.check((int) Bindings.MODEL_SCORE.invokeExact(handle.address(), packed, logps, greedy, call.error()));
            boolean[] isGreedy = new boolean[count];
            for (int i = 0; i < count; i++) {
                isGreedy[i] = greedy.get(JAVA_BYTE, i) != 0;
            }
            return new CompletionScores(logps.toArray(JAVA_DOUBLE), isGreedy);
        });
    }

    private void score(NativeCall call, PackedBatch batch, MemorySegment logps, MemorySegment tokenLogps)
            throws Throwable {
        MemorySegment packed = Structs.batch(batch, call.memory());
        call.check((int) Bindings.MODEL_LOGPS.invokeExact(handle.address(), packed, logps, tokenLogps, call.error()));
    }

    /**
     * Losses without gradients.
     *
     * @param refLogps [C] of the reference model for MMPO and DPO, else null
     */
    public BatchResult evaluate(PackedBatch batch, Objective objective, double @Nullable [] refLogps) {
        return evaluate(batch, objective, refLogps, null);
    }

    /** The same with the reward range that MMPO normalises with; null: the micro-batch's own. */
    public BatchResult evaluate(
            PackedBatch batch, Objective objective, double @Nullable [] refLogps, @Nullable RewardRange rewardRange) {
        return handle.call(
                "mmpo_model_evaluate",
                call -> LossCall.run(
                        Bindings.MODEL_EVALUATE, handle.address(), call, batch, objective, refLogps, rewardRange));
    }

    /** Continues prompts, all at once; a sequence ends with the first stop token that it produces, which is kept. */
    public int[][] generate(List<int[]> prompts, int[] stopTokens, Sampling sampling) {
        List<IntStream.Builder> texts =
                prompts.stream().map(prompt -> IntStream.builder()).toList();
        long[] streams = LongStream.range(0, prompts.size()).toArray();
        generate(new Generation(prompts, streams, prompts.size(), stopTokens, sampling), (prompt, token) -> {
            texts.get(prompt).add(token);
            return TokenListener.Next.GOES_ON;
        });
        return texts.stream().map(text -> text.build().toArray()).toArray(int[][]::new);
    }

    /**
     * What is to be continued.
     *
     * @param streams of random numbers: a prompt's text depends on itself, its stream and the sampling
     * @param batchSize prompts that are continued together: one that ends gives its place to the next one
     */
    public record Generation(List<int[]> prompts, long[] streams, int batchSize, int[] stopTokens, Sampling sampling) {}

    /** Continues prompts while the listener hears each token, and may end the texts. */
    public void generate(Generation wanted, TokenListener listener) {
        require(!wanted.prompts().isEmpty(), "generation needs at least one prompt");
        require(wanted.streams().length == wanted.prompts().size(), "each prompt has a stream");
        TokenCalls calls = new TokenCalls(listener);
        try (Arena arena = Arena.ofConfined()) {
            generate(wanted, calls, calls.stub(arena));
        }
    }

    private void generate(Generation wanted, TokenCalls calls, MemorySegment hear) {
        int[] lengths =
                wanted.prompts().stream().mapToInt(prompt -> prompt.length).toArray();
        int[] tokens = wanted.prompts().stream().flatMapToInt(Arrays::stream).toArray();
        handle.call("mmpo_model_stream", call -> {
            int status = (int) Bindings.MODEL_STREAM.invokeExact(
                    handle.address(),
                    call.memory().allocateFrom(JAVA_INT, tokens),
                    call.memory().allocateFrom(JAVA_INT, lengths),
                    call.memory().allocateFrom(JAVA_LONG, wanted.streams()),
                    (long) lengths.length,
                    (long) wanted.batchSize(),
                    call.memory().allocateFrom(JAVA_INT, wanted.stopTokens()),
                    (long) wanted.stopTokens().length,
                    Structs.sampling(wanted.sampling(), call.memory()),
                    hear,
                    MemorySegment.NULL,
                    call.error());
            calls.rethrow();
            call.check(status);
            return wanted;
        });
    }

    /**
     * Gives the model an adapter, which it must not have yet, before a trainer is made of it: from now on everything is
     * computed with it, and a trainer trains it alone.
     *
     * @param weights every A and B by PEFT's names; none of them: as PEFT begins, A random and B zero. A matrix that is trained
     *     whole begins as the model's own where it is not among them
     */
    public void setAdapter(LoraSettings settings, List<Tensor> weights) {
        try {
            handle.call("mmpo_model_set_adapter", call -> {
                require(trainers.isEmpty(), "an adapter comes before a trainer");
                call.check((int) Bindings.MODEL_SET_ADAPTER.invokeExact(
                        handle.address(),
                        Structs.loraConfig(settings, call.memory()),
                        Structs.tensors(weights, call.memory()),
                        (long) weights.size(),
                        call.error()));
                return settings;
            });
        } finally {
            Reference.reachabilityFence(weights); // their memory may belong to the garbage collector
        }
    }

    /**
     * Every parameter in the order of the flat buffer, by Hugging Face's names. The data is read-only, changes with every
     * optimizer step, and lives as long as this model; of a model on a GPU it is a copy that does not change.
     */
    public List<Tensor> parameters() {
        return parameters(Bindings.MODEL_NUM_PARAMETERS, Bindings.MODEL_PARAMETER, 0);
    }

    /** The same of the adapter, 32-bit, by PEFT's names; none where there is no adapter. */
    public List<Tensor> adapterParameters() {
        return parameters(Bindings.ADAPTER_NUM_PARAMETERS, Bindings.ADAPTER_PARAMETER, 1);
    }

    /** What a trainer of this model changes: the adapter's parameters, or all where there is no adapter. */
    public List<Tensor> trainableParameters() {
        List<Tensor> adapter = adapterParameters();
        return adapter.isEmpty() ? parameters() : adapter;
    }

    private List<Tensor> parameters(MethodHandle count, MethodHandle get, int adapter) {
        return handle.call("the parameters", call -> {
            MemorySegment outNumber = call.memory().allocate(JAVA_LONG);
            call.check((int) count.invokeExact(handle.address(), outNumber, call.error()));
            long number = outNumber.get(JAVA_LONG, 0);
            MemorySegment tensor = call.memory().allocate(Layouts.TENSOR);
            List<Tensor> parameters = new ArrayList<>();
            for (long i = 0; i < number; i++) {
                call.check((int) get.invokeExact(handle.address(), i, tensor, call.error()));
                long index = i;
                Tensor parameter = Structs.tensor(
                        tensor,
                        handle,
                        target -> call.check((int) Bindings.MODEL_READ.invokeExact(
                                handle.address(), adapter, index, target, call.error())));
                parameters.add(new Tensor(
                        parameter.name(),
                        parameter.shape(),
                        parameter.dtype(),
                        parameter.data().asReadOnly()));
            }
            return List.copyOf(parameters);
        });
    }

    /** Frees the model, after the trainers made from it. */
    @Override
    public void close() {
        handle.lock().lock();
        try {
            List.copyOf(trainers).forEach(NativeTrainer::close);
            handle.close();
        } finally {
            handle.lock().unlock();
        }
    }

    NativeHandle handle() {
        return handle;
    }

    /** Called under the lock. */
    void opened(NativeTrainer trainer) {
        trainers.add(trainer);
    }

    /** Called under the lock. */
    void closed(NativeTrainer trainer) {
        trainers.remove(trainer);
    }
}
