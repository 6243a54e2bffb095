package io.mmpo.spec;

import static io.mmpo.spec.Require.require;

import java.util.Optional;

/**
 * Sizes and constants of a decoder of LlamaForCausalLM's parts: RMSNorm, rotary embedding, grouped-query attention, SwiGLU.
 * Names in messages are those of config.json, where the values come from.
 *
 * @param headDim even, since the rotary embedding turns pairs of channels
 * @param ropeScaling empty for plain rotary frequencies
 * @param tieEmbeddings the output head is the embedding matrix
 * @param qkvBias the query, key and value projections have a bias
 * @param outputBias the attention's output projection has a bias
 * @param attention what it has beside Llama's
 */
public record ModelShape(
        long vocabSize,
        long hiddenSize,
        long intermediateSize,
        long numLayers,
        long numHeads,
        long numKvHeads,
        long headDim,
        long maxPositions,
        double rmsNormEps,
        double ropeTheta,
        Optional<RopeScaling> ropeScaling,
        boolean tieEmbeddings,
        boolean qkvBias,
        boolean outputBias,
        AttentionStyle attention) {
    public ModelShape {
        requireSize("vocab_size", vocabSize);
        requireSize("hidden_size", hiddenSize);
        requireSize("intermediate_size", intermediateSize);
        requireSize("num_hidden_layers", numLayers);
        requireSize("num_attention_heads", numHeads);
        requireSize("num_key_value_heads", numKvHeads);
        requireSize("head_dim", headDim);
        requireSize("max_position_embeddings", maxPositions);
        require(
                numHeads % numKvHeads == 0,
                "num_attention_heads (%d) must be a multiple of num_key_value_heads (%d)",
                numHeads,
                numKvHeads);
        require(headDim % 2 == 0, "head_dim must be even, got %d", headDim);
        require(Double.isFinite(rmsNormEps) && rmsNormEps > 0, "rms_norm_eps must be > 0, got %s", rmsNormEps);
        require(Double.isFinite(ropeTheta) && ropeTheta > 0, "rope_theta must be > 0, got %s", ropeTheta);
    }

    /** Elements of all weights; an ArithmeticException if they cannot be counted. */
    public long numParameters() {
        long embeddings = Math.multiplyExact(vocabSize * hiddenSize, tieEmbeddings ? 1 : 2);
        long queries = numHeads * headDim;
        long keysAndValues = Math.multiplyExact(2, numKvHeads * headDim);
        long projections = Math.addExact(Math.multiplyExact(2, queries), keysAndValues);
        long norms = 2 * hiddenSize + (attention.normsHeads() ? 2 * headDim : 0);
        long biases = (qkvBias ? Math.addExact(queries, keysAndValues) : 0) + (outputBias ? hiddenSize : 0);
        long matrices = Math.multiplyExact(hiddenSize, Math.addExact(projections, 3 * intermediateSize));
        long layer = Math.addExact(matrices, norms + biases);
        return Math.addExact(embeddings, Math.addExact(Math.multiplyExact(numLayers, layer), hiddenSize));
    }

    /** The same with another vocabulary. */
    public ModelShape withVocabSize(long size) {
        return new ModelShape(
                size,
                hiddenSize,
                intermediateSize,
                numLayers,
                numHeads,
                numKvHeads,
                headDim,
                maxPositions,
                rmsNormEps,
                ropeTheta,
                ropeScaling,
                tieEmbeddings,
                qkvBias,
                outputBias,
                attention);
    }

    /** An int's range keeps the product of two sizes within a long. */
    private static void requireSize(String name, long value) {
        require(1 <= value && value <= Integer.MAX_VALUE, "%s must be in [1, 2^31), got %d", name, value);
    }
}
