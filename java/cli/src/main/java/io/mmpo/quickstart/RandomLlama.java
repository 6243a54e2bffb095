package io.mmpo.quickstart;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.files.AtomicFile;
import io.mmpo.model.SafetensorsWriter;
import io.mmpo.nativelib.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleSupplier;

/** A Llama model with random weights, in Hugging Face's layout: config.json and model.safetensors. */
final class RandomLlama {
    private static final double INITIALIZER_RANGE = 0.02;
    static final int MAX_POSITIONS = 256;

    /** Sizes in features. headSize is hiddenSize / numHeads. */
    record Shape(int hiddenSize, int intermediateSize, int numLayers, int numHeads, int numKeyValueHeads) {
        int headSize() {
            return hiddenSize / numHeads;
        }
    }

    /** Draws the tensors in one order from one seed: the same seed gives the same bytes. */
    private static final class Tensors {
        private final Arena arena;
        private final Random random;
        private final List<Tensor> list = new ArrayList<>();

        Tensors(Arena arena, long seed) {
            this.arena = arena;
            this.random = new Random(seed);
        }

        void addNormal(String name, double deviation, long... shape) {
            add(name, shape, () -> deviation * random.nextGaussian());
        }

        void addOnes(String name, long size) {
            add(name, new long[] {size}, () -> 1);
        }

        private void add(String name, long[] shape, DoubleSupplier value) {
            long size = Arrays.stream(shape).reduce(1, Math::multiplyExact);
            MemorySegment data = arena.allocate(ValueLayout.JAVA_FLOAT, size);
            for (long i = 0; i < size; i++) {
                data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value.getAsDouble());
            }
            list.add(new Tensor(name, shape, "F32", data));
        }
    }

    private RandomLlama() {}

    /** Returns the number of parameters. The head is the embedding matrix, as in SmolLM2. */
    static long write(Path directory, Shape shape, int vocabularySize, long seed) {
        AtomicFile.write(
                directory.resolve("config.json"), config(shape, vocabularySize).toPrettyString());
        try (Arena arena = Arena.ofConfined()) {
            List<Tensor> weights = weights(shape, vocabularySize, new Tensors(arena, seed));
            SafetensorsWriter.writeModel(directory, weights, SafetensorsWriter.MAX_SHARD_BYTES);
            return weights.stream().mapToLong(Tensor::numElements).sum();
        }
    }

    private static List<Tensor> weights(Shape shape, int vocabularySize, Tensors tensors) {
        int hidden = shape.hiddenSize();
        long queries = (long) shape.numHeads() * shape.headSize();
        long keys = (long) shape.numKeyValueHeads() * shape.headSize();
        // Each layer adds twice to the residual stream: smaller steps keep its variance that of one addition (GPT-2,
        // section 2.3).
        double residual = INITIALIZER_RANGE / Math.sqrt(2.0 * shape.numLayers());
        tensors.addNormal("model.embed_tokens.weight", INITIALIZER_RANGE, vocabularySize, hidden);
        for (int i = 0; i < shape.numLayers(); i++) {
            String layer = "model.layers." + i + ".";
            tensors.addOnes(layer + "input_layernorm.weight", hidden);
            tensors.addNormal(layer + "self_attn.q_proj.weight", INITIALIZER_RANGE, queries, hidden);
            tensors.addNormal(layer + "self_attn.k_proj.weight", INITIALIZER_RANGE, keys, hidden);
            tensors.addNormal(layer + "self_attn.v_proj.weight", INITIALIZER_RANGE, keys, hidden);
            tensors.addNormal(layer + "self_attn.o_proj.weight", residual, hidden, queries);
            tensors.addOnes(layer + "post_attention_layernorm.weight", hidden);
            tensors.addNormal(layer + "mlp.gate_proj.weight", INITIALIZER_RANGE, shape.intermediateSize(), hidden);
            tensors.addNormal(layer + "mlp.up_proj.weight", INITIALIZER_RANGE, shape.intermediateSize(), hidden);
            tensors.addNormal(layer + "mlp.down_proj.weight", residual, hidden, shape.intermediateSize());
        }
        tensors.addOnes("model.norm.weight", hidden);
        return tensors.list;
    }

    private static ObjectNode config(Shape shape, int vocabularySize) {
        ObjectNode config = new ObjectMapper().createObjectNode();
        config.putArray("architectures").add("LlamaForCausalLM");
        config.put("model_type", "llama").put("vocab_size", vocabularySize);
        config.put("hidden_size", shape.hiddenSize()).put("intermediate_size", shape.intermediateSize());
        config.put("num_hidden_layers", shape.numLayers()).put("num_attention_heads", shape.numHeads());
        config.put("num_key_value_heads", shape.numKeyValueHeads()).put("head_dim", shape.headSize());
        config.put("max_position_embeddings", MAX_POSITIONS)
                .put("rope_theta", 10000.0)
                .put("rms_norm_eps", 1e-5);
        config.put("hidden_act", "silu")
                .put("attention_bias", false)
                .put("mlp_bias", false)
                .put("tie_word_embeddings", true);
        config.put("initializer_range", INITIALIZER_RANGE).put("torch_dtype", "float32");
        config.put("bos_token_id", TokenizerWriter.BOS_TOKEN_ID).put("eos_token_id", TokenizerWriter.EOS_TOKEN_ID);
        return config.put("pad_token_id", TokenizerWriter.PAD_TOKEN_ID);
    }
}
