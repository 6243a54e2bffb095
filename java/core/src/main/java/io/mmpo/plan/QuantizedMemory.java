package io.mmpo.plan;

import io.mmpo.plan.AdapterMemory.Projection;
import io.mmpo.spec.ModelShape;
import java.util.Arrays;
import java.util.function.ToLongFunction;

/**
 * Bytes of projections that are frozen in e4m3, and of products with them: native/src/model/frozen_projections.cpp and
 * native/src/kernels/quantized.cpp.
 *
 * @param onCpu where the numbers of e4m3 are multiplied in bfloat16, and the sums are scaled by themselves
 */
record QuantizedMemory(ModelShape shape, boolean onCpu) {
    /** Weights of all layers, a byte each. */
    long elements() {
        return shape.numLayers() * sum(projection -> projection.inputs(shape) * projection.outputs(shape));
    }

    /** Of the weights, with the scale of each row, and the ones that stand for scales where a product has none. */
    long weights() {
        long scales = shape.numLayers() * sum(projection -> projection.outputs(shape));
        long ones = largest(projection -> projection.inputs(shape));
        return elements() + Float.BYTES * (scales + ones);
    }

    /** What a product of so many rows takes: those rows in e4m3, and their scales. */
    long forward(long rows) {
        return largest(projection -> product(
                rows,
                projection.inputs(shape),
                projection.outputs(shape),
                onCpu ? decoded(rows * projection.inputs(shape) + matrix(projection)) : 0));
    }

    /** The same of the gradient of its output; on a GPU the matrix is turned for it. */
    long backward(long rows) {
        return largest(projection -> product(
                rows,
                projection.outputs(shape),
                projection.inputs(shape),
                onCpu ? decoded(rows * projection.outputs(shape) + matrix(projection)) : matrix(projection)));
    }

    private long product(long rows, long columns, long results, long matrices) {
        long sums = onCpu ? Float.BYTES * rows * results : 0;
        return rows * (columns + Float.BYTES) + matrices + sums;
    }

    private static long decoded(long elements) {
        return Short.BYTES * elements;
    }

    private long matrix(Projection projection) {
        return projection.inputs(shape) * projection.outputs(shape);
    }

    private static long sum(ToLongFunction<Projection> size) {
        return Arrays.stream(Projection.values()).mapToLong(size).sum();
    }

    private static long largest(ToLongFunction<Projection> size) {
        return Arrays.stream(Projection.values()).mapToLong(size).max().orElseThrow();
    }
}
