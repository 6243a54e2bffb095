package io.mmpo.model;

import io.mmpo.nativelib.StoredTensor;
import io.mmpo.nativelib.Tensor;
import java.util.List;

/** Weights in open files. */
public interface WeightFiles extends AutoCloseable {
    /** By the names of the model's parameters. */
    List<? extends StoredTensor> tensors();

    /** The same, read into memory at the first call; it lives until {@link #close}. */
    List<Tensor> weights();

    @Override
    void close();
}
