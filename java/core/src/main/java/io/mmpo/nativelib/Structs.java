package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mmpo.spec.AttentionStyle;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.LoraTarget;
import io.mmpo.spec.LossTerm;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.Objective;
import io.mmpo.spec.OptimizerSettings;
import io.mmpo.spec.Require;
import io.mmpo.spec.RopeScaling;
import io.mmpo.spec.Sampling;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.util.Arrays;
import java.util.List;

/** Records written as the structs of mmpo/types.h. Memory comes from the allocator and lives as long as it says. */
final class Structs {
    static final int ROPE_DEFAULT = 0;
    static final int ROPE_LLAMA3 = 1;
    static final int ROPE_LINEAR = 2;
    static final int ROPE_YARN = 3;
    static final int LAYER_SLIDING = 1;
    static final int LAYER_UNROTATED = 2;

    private final StructLayout layout;
    private final MemorySegment segment;

    static MemorySegment sharding(Sharding sharding, SegmentAllocator allocator) {
        return allocate(Layouts.SHARDING, allocator)
                .put("backend", MemorySegment.ofAddress(sharding.backend()))
                .put("bucket_bytes", sharding.bucketBytes())
                .put("zero_stage", sharding.zeroStage())
                .put("reduce", sharding.reduce().ordinal())
                .put("reduce_dtype", Codes.of(sharding.reduceType()))
                .put("overlap", sharding.overlap())
                .segment;
    }

    private Structs(StructLayout layout, MemorySegment segment) {
        this.layout = layout;
        this.segment = segment;
    }

    static MemorySegment modelConfig(ModelShape shape, SegmentAllocator allocator) {
        Structs config = allocate(Layouts.MODEL_CONFIG, allocator)
                .put("layers", layers(shape.attention(), shape.numLayers(), allocator))
                .put("sliding_window", shape.attention().window())
                .put("qk_norm", shape.attention().normsHeads())
                .put("vocab_size", shape.vocabSize())
                .put("hidden_size", shape.hiddenSize())
                .put("intermediate_size", shape.intermediateSize())
                .put("num_layers", shape.numLayers())
                .put("num_heads", shape.numHeads())
                .put("num_kv_heads", shape.numKvHeads())
                .put("head_dim", shape.headDim())
                .put("max_positions", shape.maxPositions())
                .put("rms_norm_eps", shape.rmsNormEps())
                .put("rope_theta", shape.ropeTheta())
                .put("tie_embeddings", shape.tieEmbeddings())
                .put("qkv_bias", shape.qkvBias())
                .put("output_bias", shape.outputBias());
        shape.ropeScaling().ifPresentOrElse(config::putRope, () -> config.put("rope_type", ROPE_DEFAULT));
        return config.segment;
    }

    /** A set of mmpo_layer for each; NULL where all are empty. */
    private static MemorySegment layers(AttentionStyle attention, long numLayers, SegmentAllocator allocator) {
        if (attention.slidingLayers().isEmpty() && attention.unrotatedLayers().isEmpty()) {
            return MemorySegment.NULL;
        }
        int[] layers = new int[Math.toIntExact(numLayers)];
        attention.slidingLayers().forEach(layer -> layers[layer] |= LAYER_SLIDING);
        attention.unrotatedLayers().forEach(layer -> layers[layer] |= LAYER_UNROTATED);
        return allocator.allocateFrom(JAVA_INT, layers);
    }

    private void putRope(RopeScaling scaling) {
        switch (scaling) {
            case RopeScaling.Llama3 llama ->
                put("rope_type", ROPE_LLAMA3)
                        .put("rope_factor", llama.factor())
                        .put("rope_low_freq_factor", llama.lowFreqFactor())
                        .put("rope_high_freq_factor", llama.highFreqFactor())
                        .put("rope_original_max_positions", llama.originalMaxPositions());
            case RopeScaling.Linear linear -> put("rope_type", ROPE_LINEAR).put("rope_factor", linear.factor());
            case RopeScaling.Yarn yarn ->
                put("rope_type", ROPE_YARN)
                        .put("rope_factor", yarn.factor())
                        .put("rope_original_max_positions", yarn.originalMaxPositions())
                        .put("rope_attention_factor", yarn.attentionFactor())
                        .put("rope_beta_fast", yarn.betaFast())
                        .put("rope_beta_slow", yarn.betaSlow())
                        .put("rope_truncate", yarn.truncate());
        }
    }

    /** An array of mmpo_tensor. */
    static MemorySegment tensors(List<Tensor> weights, SegmentAllocator allocator) {
        MemorySegment array = allocator.allocate(Layouts.TENSOR, weights.size());
        for (int i = 0; i < weights.size(); i++) {
            Tensor tensor = weights.get(i);
            describe(array, i, tensor.name(), tensor.shape(), tensor.dtype(), allocator)
                    .put("data", tensor.data());
        }
        return array;
    }

    /** The same of tensors that are not in memory: their data is NULL. */
    static MemorySegment storedTensors(List<? extends StoredTensor> stored, SegmentAllocator allocator) {
        MemorySegment array = allocator.allocate(Layouts.TENSOR, stored.size());
        for (int i = 0; i < stored.size(); i++) {
            StoredTensor tensor = stored.get(i);
            describe(array, i, tensor.name(), tensor.shape(), tensor.dtype(), allocator)
                    .put("data", MemorySegment.NULL);
        }
        return array;
    }

    private static Structs describe(
            MemorySegment array, long index, String name, long[] shape, String dtype, SegmentAllocator allocator) {
        Require.require(
                shape.length == 1 || shape.length == 2,
                "a weight has one or two dimensions, %s has %d",
                name,
                shape.length);
        MemorySegment struct = array.asSlice(index * Layouts.TENSOR.byteSize(), Layouts.TENSOR.byteSize());
        long shapeOffset = Layouts.offset(Layouts.TENSOR, "shape");
        struct.set(JAVA_LONG, shapeOffset, shape[0]);
        struct.set(JAVA_LONG, shapeOffset + Long.BYTES, shape.length == 2 ? shape[1] : 0);
        return new Structs(Layouts.TENSOR, struct)
                .put("name", allocator.allocateFrom(name))
                .put("num_dims", shape.length)
                .put("dtype", Dtype.of(dtype).code());
    }

    /** Copies a tensor's contents from a device to memory of the host. */
    interface Reader {
        void read(MemorySegment target) throws Throwable;
    }

    /** What an mmpo_tensor that the core filled names. Its data lives as long as its owner; of a tensor on a GPU it is a copy. */
    static Tensor tensor(MemorySegment tensor, NativeHandle owner, Reader reader) throws Throwable {
        String name = tensor.get(ADDRESS, Layouts.offset(Layouts.TENSOR, "name"))
                .reinterpret(Long.MAX_VALUE)
                .getString(0);
        long[] shape = new long[tensor.get(JAVA_INT, Layouts.offset(Layouts.TENSOR, "num_dims"))];
        MemorySegment.copy(tensor, JAVA_LONG, Layouts.offset(Layouts.TENSOR, "shape"), shape, 0, shape.length);
        Dtype dtype = Dtype.ofCode(tensor.get(JAVA_INT, Layouts.offset(Layouts.TENSOR, "dtype")));
        long bytes = Arrays.stream(shape).reduce(dtype.bytes(), Math::multiplyExact);
        MemorySegment data = tensor.get(ADDRESS, Layouts.offset(Layouts.TENSOR, "data"));
        if (data.address() != 0) {
            return new Tensor(name, shape, dtype.name(), owner.borrow(data, bytes));
        }
        MemorySegment copy = Arena.ofAuto().allocate(bytes, Long.BYTES);
        reader.read(copy);
        return new Tensor(name, shape, dtype.name(), copy);
    }

    static MemorySegment batch(PackedBatch batch, SegmentAllocator allocator) {
        return allocate(Layouts.BATCH, allocator)
                .put("tokens", allocator.allocateFrom(JAVA_INT, batch.tokens()))
                .put("prompt_lengths", allocator.allocateFrom(JAVA_INT, batch.promptLengths()))
                .put("group_sizes", allocator.allocateFrom(JAVA_INT, batch.groupSizes()))
                .put("completion_lengths", allocator.allocateFrom(JAVA_INT, batch.completionLengths()))
                .put("num_tokens", (long) batch.tokens().length)
                .put("num_groups", (long) batch.numGroups())
                .put("num_completions", (long) batch.numCompletions())
                .put("preamble", allocator.allocateFrom(JAVA_INT, batch.preamble()))
                .put("preamble_length", (long) batch.preamble().length)
                .segment;
    }

    static MemorySegment objective(Objective objective, SegmentAllocator allocator) {
        Objective.Coefficients coefficients = objective.coefficients();
        Structs struct = allocate(Layouts.OBJECTIVE, allocator)
                .put("beta", coefficients.beta())
                .put("reward_epsilon", coefficients.rewardEpsilon())
                .put("aux_weight", coefficients.auxWeight())
                .put("label_smoothing", coefficients.labelSmoothing())
                .put("gamma", coefficients.gamma())
                .put("discopop_tau", coefficients.discopopTau())
                .put("divergence_alpha", coefficients.divergenceAlpha())
                .put("ld_alpha", coefficients.ldAlpha())
                .put("reward_alpha", coefficients.rewardAlpha())
                .put("entropy_weight", coefficients.entropyWeight())
                .put("use_weighting", coefficients.weighted())
                .put("scale", objective.scale())
                .put("num_losses", objective.terms().size())
                .put("divergence", Codes.of(coefficients.divergence()))
                .put("reference_free", coefficients.referenceFree())
                .put("length_normalize", coefficients.lengthNormalize())
                .put("normalize", coefficients.normalize())
                .put("score_rejected", objective.scoreRejected());
        long weights = Layouts.offset(Layouts.OBJECTIVE, "loss_weights");
        long losses = Layouts.offset(Layouts.OBJECTIVE, "losses");
        for (int i = 0; i < objective.terms().size(); i++) {
            LossTerm term = objective.terms().get(i);
            struct.segment.set(JAVA_DOUBLE, weights + (long) i * Double.BYTES, term.weight());
            struct.segment.set(JAVA_INT, losses + (long) i * Integer.BYTES, Codes.of(term.type()));
        }
        return struct.segment;
    }

    static MemorySegment loraConfig(LoraSettings settings, SegmentAllocator allocator) {
        List<LoraTarget> targets = settings.targets();
        MemorySegment modules = allocator.allocate(Layouts.LORA_MODULE, targets.size());
        long size = Layouts.LORA_MODULE.byteSize();
        for (int i = 0; i < targets.size(); i++) {
            new Structs(Layouts.LORA_MODULE, modules.asSlice(i * size, size))
                    .put("layer", targets.get(i).layer())
                    .put("rank", (long) targets.get(i).rank())
                    .put("scaling", targets.get(i).scaling())
                    .put("module", Codes.of(targets.get(i).module()));
        }
        return allocate(Layouts.LORA_CONFIG, allocator)
                .put("modules", modules)
                .put("num_modules", (long) targets.size())
                .put("dropout", settings.dropout())
                .put("seed", settings.seed())
                .put("whole", Codes.of(settings.whole()))
                .segment;
    }

    static MemorySegment optimizerConfig(OptimizerSettings settings, SegmentAllocator allocator) {
        return allocate(Layouts.OPTIMIZER_CONFIG, allocator)
                .put("beta1", settings.beta1())
                .put("beta2", settings.beta2())
                .put("epsilon", settings.epsilon())
                .put("weight_decay", settings.weightDecay())
                .put("recompute", Codes.of(settings.recompute()))
                .put("optimizer", Codes.of(settings.type()))
                .put("no_master_weights", !settings.masterWeights())
                .segment;
    }

    static MemorySegment sampling(Sampling sampling, SegmentAllocator allocator) {
        return allocate(Layouts.SAMPLING, allocator)
                .put("temperature", sampling.temperature())
                .put("top_p", sampling.topP())
                .put("top_k", (long) sampling.topK())
                .put("seed", sampling.seed())
                .put("max_new_tokens", (long) sampling.maxNewTokens())
                .segment;
    }

    private static Structs allocate(StructLayout layout, SegmentAllocator allocator) {
        return new Structs(layout, allocator.allocate(layout));
    }

    private Structs put(String field, long value) {
        segment.set(JAVA_LONG, Layouts.offset(layout, field), value);
        return this;
    }

    private Structs put(String field, int value) {
        segment.set(JAVA_INT, Layouts.offset(layout, field), value);
        return this;
    }

    private Structs put(String field, boolean value) {
        return put(field, value ? 1 : 0);
    }

    private Structs put(String field, double value) {
        segment.set(JAVA_DOUBLE, Layouts.offset(layout, field), value);
        return this;
    }

    private Structs put(String field, MemorySegment value) {
        segment.set(ADDRESS, Layouts.offset(layout, field), value);
        return this;
    }
}
