package io.mmpo.model;

import io.mmpo.nativelib.Weights;
import java.util.List;

/** Weights in mapped files. */
public interface WeightFiles extends AutoCloseable {
    /** By their names in the files; they live until {@link #close}. */
    List<Weights> weights();

    @Override
    void close();
}
