package io.mmpo.plan;

import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.LoraTarget;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.WholeMatrix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What is trained, one entry a named parameter, from sizes alone. */
record ParameterSizes(List<Parameter> parameters) {
    /** Parameters below it keep 32-bit moments under the 8-bit optimizer: native/src/optim/adam8bit.h. */
    static final long SMALLEST_OF_8_BIT = 4096;

    static final long BLOCK = 256;

    /** Units of native/src/common/parameter.h: a layer's number, that of the head after the last, and the embedding's before the first. */
    private static final long EMBEDDING = -1;

    /** unit: whose gradients a backward pass completes together. */
    record Parameter(long elements, long unit) {
        boolean isEmbedding() {
            return unit == EMBEDDING;
        }
    }

    /** Every parameter of a model. */
    static ParameterSizes ofModel(ModelShape shape) {
        long hidden = shape.hiddenSize();
        long queries = shape.numHeads() * shape.headDim();
        long keys = shape.numKvHeads() * shape.headDim();
        List<Long> layer = new ArrayList<>(List.of(hidden, hidden));
        layer.addAll(List.of(hidden * queries, hidden * keys, hidden * keys, queries * hidden));
        layer.addAll(List.of(
                hidden * shape.intermediateSize(),
                hidden * shape.intermediateSize(),
                hidden * shape.intermediateSize()));
        if (shape.qkvBias()) {
            layer.addAll(List.of(queries, keys, keys));
        }
        if (shape.outputBias()) {
            layer.add(hidden);
        }
        if (shape.attention().normsHeads()) {
            layer.addAll(List.of(shape.headDim(), shape.headDim()));
        }
        List<Parameter> parameters = new ArrayList<>();
        parameters.add(new Parameter(shape.vocabSize() * hidden, EMBEDDING));
        for (long i = 0; i < shape.numLayers(); i++) {
            long unit = i;
            layer.forEach(elements -> parameters.add(new Parameter(elements, unit)));
        }
        parameters.add(new Parameter(hidden, shape.numLayers()));
        if (!shape.tieEmbeddings()) {
            parameters.add(new Parameter(shape.vocabSize() * hidden, shape.numLayers()));
        }
        return new ParameterSizes(parameters);
    }

    /** A and B of every adapted module, and the matrices that are trained whole. */
    static ParameterSizes ofAdapter(ModelShape shape, LoraSettings lora) {
        List<Parameter> parameters = new ArrayList<>();
        for (LoraTarget target : lora.targets()) {
            parameters.add(new Parameter(target.inputElements(shape), target.layer()));
            parameters.add(new Parameter(target.outputElements(shape), target.layer()));
        }
        for (WholeMatrix matrix : lora.whole()) {
            long unit = matrix == WholeMatrix.HEAD ? shape.numLayers() : EMBEDDING;
            parameters.add(new Parameter(shape.vocabSize() * shape.hiddenSize(), unit));
        }
        return new ParameterSizes(parameters);
    }

    long elements() {
        return parameters.stream().mapToLong(Parameter::elements).sum();
    }

    /** Elements of every unit, in the order in which a backward pass completes them. */
    private TreeMap<Long, Long> units() {
        TreeMap<Long, Long> units = new TreeMap<>(Comparator.reverseOrder());
        parameters.forEach(parameter -> units.merge(parameter.unit(), parameter.elements(), Long::sum));
        return units;
    }

    /** Elements of units that travel together: as many as have so many, and at least one; in the order in which they travel. */
    List<Long> buckets(long elements) {
        List<Long> buckets = new ArrayList<>();
        units().values().forEach(unit -> {
            if (buckets.isEmpty() || buckets.getLast() + unit > elements) {
                buckets.add(unit);
            } else {
                buckets.add(buckets.removeLast() + unit);
            }
        });
        return buckets;
    }

    /** Gradients that a rank makes before it keeps its own parts alone: of one layer, of the head and of the embedding. */
    long passingGradients(long numLayers) {
        long layer = 0;
        long others = 0;
        for (Map.Entry<Long, Long> unit : units().entrySet()) {
            if (unit.getKey() >= 0 && unit.getKey() < numLayers) {
                layer = Math.max(layer, unit.getValue());
            } else {
                others += unit.getValue();
            }
        }
        return layer + others;
    }

    /** Of the optimizer's state. */
    long optimizerBytes(OptimizerType optimizer) {
        return parameters.stream()
                .mapToLong(parameter -> optimizer == OptimizerType.ADAMW
                                || parameter.isEmbedding()
                                || parameter.elements() < SMALLEST_OF_8_BIT
                        ? 2 * Float.BYTES * parameter.elements()
                        : 2 * (parameter.elements() + Float.BYTES * Math.ceilDiv(parameter.elements(), BLOCK)))
                .sum();
    }
}
