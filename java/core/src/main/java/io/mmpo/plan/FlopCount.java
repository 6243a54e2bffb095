package io.mmpo.plan;

import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.ModelShape;
import java.util.Optional;
import java.util.function.IntToDoubleFunction;

/**
 * Floating-point operations for one pair (SFT: one row), two for a multiplication with its addition: matrix products and
 * attention, which are all but a percent.
 *
 * @param training forward and backward
 * @param forward of them, the head's first product included
 * @param reference forward of the reference, once in a run
 */
record FlopCount(double training, double forward, double reference) {
    /** linear: whether the head is computed once, the weights being known. */
    static FlopCount of(
            ModelShape shape, Optional<LoraSettings> lora, LongestPair pair, boolean linear, boolean needsReference) {
        double layers = shape.numLayers();
        double queries = shape.numHeads() * shape.headDim();
        double keys = shape.numKvHeads() * shape.headDim();
        double matrices = layers * shape.hiddenSize() * (2 * queries + 2 * keys + 3.0 * shape.intermediateSize());
        double adapter = lora.map(settings -> settings.numLoraParameters(shape)).orElse(0L);
        double sliding = shape.attention().slidingLayers().size();
        double window = shape.attention().window();
        double perAttentionPair = 4 * queries;
        IntToDoubleFunction attentionOf = completions -> perAttentionPair
                * ((layers - sliding) * pair.attentionPairs(completions, Double.POSITIVE_INFINITY)
                        + sliding * pair.attentionPairs(completions, window));
        double headRow = 2.0 * shape.vocabSize() * shape.hiddenSize();

        double tokens = pair.prompt() + (double) pair.graded() * pair.completion();
        double rows = (double) pair.graded() * pair.completion();
        double forward = 2 * (matrices + adapter) * tokens;
        double attention = attentionOf.applyAsDouble(pair.graded());
        // A frozen weight has no gradient of its own: backward takes one product for it instead of two.
        double backward = (lora.isPresent() ? 2 : 4) * matrices * tokens + 4 * adapter * tokens;
        boolean trainsHead = lora.isEmpty() || lora.get().trainsHead();
        double headPasses = (linear ? 1 : 2) + (trainsHead ? 2 : 1);
        // Attention's backward is five products where forward is two.
        double training = forward + backward + 3.5 * attention + headPasses * headRow * rows;
        double reference = 2 * matrices * pair.tokens()
                + attentionOf.applyAsDouble(pair.completions())
                + headRow * pair.completions() * pair.completion();
        return new FlopCount(training, forward + attention + headRow * rows, needsReference ? reference : 0);
    }
}
