package io.mmpo.plan;

import io.mmpo.plan.AdapterMemory.Projection;
import io.mmpo.plan.SliceRows.Attended;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.Recompute;
import java.util.Comparator;
import java.util.Optional;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * Bytes that a slice of a micro-batch takes when it takes most, in one of the moments of Trainer::accumulate_slice
 * (native/src/train/trainer.cpp).
 *
 * @param activations what backward keeps of forward
 * @param shared what layers share: values that none keeps
 * @param indices tokens, positions, rows, and numbers of every row of the head
 * @param passing of the moment: logits, or the gradients that a layer's backward pass makes
 * @param attention of the moment: what attention takes beside that
 */
public record SliceMemory(long activations, long shared, long indices, long passing, long attention) {
    /** kGpuLogitBytes and kCpuLogitBytes of native/src/logprob/linear_logp.h. */
    static final long GPU_LOGIT_BYTES = 1024L << 20;

    static final long CPU_LOGIT_BYTES = 160L << 20;

    /** kWeightGradientBlock of native/src/kernels/arguments.h. */
    static final long WEIGHT_GRADIENT_BLOCK = 32;

    static SliceMemory of(
            ModelShape shape,
            Optional<LoraSettings> lora,
            ComputeType type,
            boolean onCpu,
            Recompute recompute,
            HeadNumbers numbers,
            SliceRows slice) {
        boolean bf16 = type.isBfloat16();
        Terms terms = new Terms(
                shape,
                lora,
                new AdapterMemory(shape, bf16, lora, slice.isBound()),
                new AttentionMemory(shape, bf16, onCpu),
                type.isOverFp8() ? Optional.of(new QuantizedMemory(shape, onCpu)) : Optional.empty(),
                type.bytes(),
                onCpu,
                recompute,
                numbers,
                slice);
        Moment most = Stream.of(terms.forward(), terms.headInput(), terms.logits(), terms.norm(), terms.layer())
                .max(Comparator.comparingLong(Moment::bytes))
                .orElseThrow();
        return new SliceMemory(
                terms.kept(), terms.shared(), terms.indices() + most.ofHeadRows(), most.passing(), most.attention());
    }

    public long total() {
        return activations + shared + indices + passing + attention;
    }

    /** What is there in a moment and not in all of them. */
    private record Moment(long ofHeadRows, long passing, long attention) {
        long bytes() {
            return ofHeadRows + passing + attention;
        }
    }

    private record Terms(
            ModelShape shape,
            Optional<LoraSettings> lora,
            AdapterMemory adapter,
            AttentionMemory ofAttention,
            Optional<QuantizedMemory> quantized,
            long bytes,
            boolean onCpu,
            Recompute recompute,
            HeadNumbers numbers,
            SliceRows slice) {
        private long rows() {
            return slice.all().rows();
        }

        private long graded() {
            return slice.graded().rows();
        }

        private long hidden() {
            return shape.hiddenSize();
        }

        private long queries() {
            return shape.numHeads() * shape.headDim();
        }

        private long qkv() {
            return queries() + 2 * shape.numKvHeads() * shape.headDim();
        }

        /** Every layer's input, and what the recompute mode keeps of what it computes. */
        long kept() {
            long ofLayer = recompute == Recompute.FULL ? 0 : rows() * products();
            return shape.numLayers() * (rows() * bytes * hidden() + ofLayer) + bytes * rows() * ownInputs();
        }

        /** Of a row and layer, Decoder::allocate_products: what selective recomputation keeps. */
        private long products() {
            long heads = shape.numHeads() + shape.numKvHeads();
            boolean normsHeads = shape.attention().normsHeads();
            // Queries and keys once more, as they were before their norms.
            long normed = normsHeads ? heads * shape.headDim() : 0;
            long low = lora.map(LoraSettings::lowColumns).orElse(0L);
            long elements = qkv() + normed + queries() + hidden() + 2 * shape.intermediateSize() + low;
            long statistics = 2 + shape.numHeads() + (normsHeads ? heads : 0);
            return bytes * elements + Float.BYTES * statistics;
        }

        /** Of a row: inputs of products that layers have for themselves, Decoder::allocate_recomputed. */
        private long ownInputs() {
            if (recompute != Recompute.NONE) {
                return 0;
            }
            return hidden() * adapter.layersThatRead(Projection.QKV)
                    + hidden() * adapter.layersThatRead(Projection.GATE_UP)
                    + shape.intermediateSize() * adapter.layersThatRead(Projection.DOWN);
        }

        long shared() {
            long products = recompute == Recompute.FULL ? products() - ownOutput() : 0;
            long inputs = isShared(Projection.QKV, hidden())
                    + isShared(Projection.GATE_UP, hidden())
                    + isShared(Projection.DOWN, shape.intermediateSize());
            return rows() * (products + bytes * inputs);
        }

        /** Of a row: attention's output where layers do not share memory for it, and none keeps it. */
        private long ownOutput() {
            return recompute == Recompute.FULL && !onCpu ? ofAttention.output() : 0;
        }

        private long isShared(Projection projection, long columns) {
            boolean allKeep = recompute == Recompute.NONE && adapter.layersThatRead(projection) == shape.numLayers();
            return allKeep ? 0 : columns;
        }

        /** PackedBatch, with the plans of attention: that of the graded rows is the other one's where all are graded. */
        long indices() {
            if (onCpu) {
                return 0;
            }
            long ofRows = Long.BYTES + Integer.BYTES + (adapter.dropsOut() ? Long.BYTES : 0);
            long ofHeadRows = 2 * Long.BYTES;
            long plans = plan(slice.all()) + (rows() == graded() ? 0 : plan(slice.graded()));
            return rows() * ofRows + slice.headRows() * ofHeadRows + plans;
        }

        private static long plan(Attended seen) {
            long gathering = seen.repeated() == 0 ? 0 : seen.keyRows() + seen.rows() + 2 * seen.repeated();
            return 2 * Integer.BYTES * (seen.sequences() + 1) + Long.BYTES * gathering;
        }

        /** The last layer's output, and what its attention takes, its adapter or a product in eight bits. */
        Moment forward() {
            long attention = ofAttention.forward(slice.all());
            long products = Math.max(adapter.forward(rows()), quantized(memory -> memory.forward(rows())));
            long output = rows() * (bytes * hidden() + ownOutput());
            return attention > products ? new Moment(0, output, attention) : new Moment(0, output + products, 0);
        }

        /** The last layer's output, until the head's rows are taken from it. */
        Moment headInput() {
            return new Moment(0, bytes * rows() * hidden() + predictions(), 0);
        }

        /** Of the head's rows before and after the final norm, with its statistics: on a GPU given back before a layer's backward pass. */
        private long predictions() {
            return slice.headRows() * (2 * bytes * hidden() + Float.BYTES);
        }

        /** On the CPU memory is given back in the order in which it was taken, so the last layer's output is still there. */
        private long stillThere() {
            return onCpu ? bytes * rows() * hidden() : 0;
        }

        /** A chunk of logits with the gradient that is made of them; log-probabilities, their sums and weights. */
        Moment logits() {
            long scored = slice.headRows() - slice.gradedHeadRows();
            long chunk = Math.max(logitBytes(slice.gradedHeadRows()) + numbers.weights(slice), logitBytes(scored));
            long gradient = bytes * slice.gradedHeadRows() * hidden();
            return new Moment(ofHead(), predictions() + stillThere() + gradient + chunk, 0);
        }

        private long ofHead() {
            return numbers.staying(slice) + numbers.ofHead(slice);
        }

        private long logitBytes(long numRows) {
            long ofRow = bytes * shape.vocabSize();
            return ofRow * Math.min(numRows, Math.max(1, (onCpu ? CPU_LOGIT_BYTES : GPU_LOGIT_BYTES) / ofRow));
        }

        /** The final norm's gradients, of the head's rows before and after it, and then those of all rows. */
        Moment norm() {
            long gradients = 2 * bytes * slice.gradedHeadRows() * hidden();
            long next = Math.max(normSums(slice.gradedHeadRows(), hidden()), bytes * graded() * hidden());
            return new Moment(ofHead(), predictions() + stillThere() + gradients + next, 0);
        }

        /** What the gradient of a norm's weight is summed in: nothing where it is frozen. */
        private long normSums(long numRows, long columns) {
            return adapter.isThere() ? 0 : Float.BYTES * Math.ceilDiv(numRows, WEIGHT_GRADIENT_BLOCK) * columns;
        }

        /** A layer's backward pass: the residual stream's gradient, Decoder::GradientScratch, and what one of its steps takes. */
        Moment layer() {
            long columns = hidden() + shape.intermediateSize() + hidden() + queries() + qkv();
            long softmaxSums = recompute == Recompute.FULL && onCpu ? Float.BYTES * shape.numHeads() * graded() : 0;
            long ofAttentionsOwn = graded() * ownOutput();
            long ofHead =
                    onCpu ? predictions() + numbers.ofHead(slice) + 2 * bytes * slice.gradedHeadRows() * hidden() : 0;
            long gradients = bytes * graded() * columns + softmaxSums + ofAttentionsOwn + stillThere() + ofHead;
            long staying = numbers.staying(slice);
            boolean isPrefix = rows() > graded() && recompute != Recompute.FULL;
            long attention = ofAttention.backward(slice.graded(), isPrefix);
            long products = Math.max(adapter.backward(graded()), quantized(memory -> memory.backward(graded())));
            long others = Math.max(products, sumsOfVectors());
            return attention > others
                    ? new Moment(staying, gradients, attention)
                    : new Moment(staying, gradients + others, 0);
        }

        private long quantized(ToLongFunction<QuantizedMemory> bytes) {
            return quantized.map(bytes::applyAsLong).orElse(0L);
        }

        /** Of the gradients of norms and biases. */
        private long sumsOfVectors() {
            long heads = shape.attention().normsHeads() ? normSums(graded() * shape.numHeads(), shape.headDim()) : 0;
            long biases = adapter.isThere()
                    ? 0
                    : Float.BYTES * Math.max(shape.qkvBias() ? qkv() : 0, shape.outputBias() ? hidden() : 0);
            return Math.max(normSums(graded(), hidden()), Math.max(heads, biases));
        }
    }
}
