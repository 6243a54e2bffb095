package io.mmpo.plan;

import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.LoraTarget;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.WholeMatrix;
import java.util.ArrayList;
import java.util.List;

/** What is trained, one entry a named parameter, from sizes alone. */
record ParameterSizes(List<Parameter> parameters) {
    /** Parameters below it keep 32-bit moments under the 8-bit optimizer: native/src/optim/adam8bit.h. */
    static final long SMALLEST_OF_8_BIT = 4096;

    static final long BLOCK = 256;

    record Parameter(long elements, boolean isEmbedding) {}

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
        parameters.add(new Parameter(shape.vocabSize() * hidden, true));
        for (long i = 0; i < shape.numLayers(); i++) {
            layer.forEach(elements -> parameters.add(new Parameter(elements, false)));
        }
        parameters.add(new Parameter(hidden, false));
        if (!shape.tieEmbeddings()) {
            parameters.add(new Parameter(shape.vocabSize() * hidden, false));
        }
        return new ParameterSizes(parameters);
    }

    /** A and B of every adapted module, and the matrices that are trained whole. */
    static ParameterSizes ofAdapter(ModelShape shape, LoraSettings lora) {
        List<Parameter> parameters = new ArrayList<>();
        for (LoraTarget target : lora.targets()) {
            parameters.add(new Parameter(target.inputElements(shape), false));
            parameters.add(new Parameter(target.outputElements(shape), false));
        }
        for (WholeMatrix matrix : lora.whole()) {
            parameters.add(new Parameter(shape.vocabSize() * shape.hiddenSize(), matrix != WholeMatrix.HEAD));
        }
        return new ParameterSizes(parameters);
    }

    long elements() {
        return parameters.stream().mapToLong(Parameter::elements).sum();
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
