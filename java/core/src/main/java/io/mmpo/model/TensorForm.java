package io.mmpo.model;

import io.mmpo.nativelib.Weights;
import java.lang.foreign.Arena;

/** What a file holds of a tensor. Its type is known before it is made, so that files can be divided. */
interface TensorForm {
    /** safetensors' name of the type. */
    String dtype(Weights tensor);

    /** In the arena's memory, or the tensor itself. */
    Weights of(Weights tensor, Arena memory);

    TensorForm UNCHANGED = new TensorForm() {
        @Override
        public String dtype(Weights tensor) {
            return tensor.dtype();
        }

        @Override
        public Weights of(Weights tensor, Arena memory) {
            return tensor;
        }
    };

    default long bytes(Weights tensor) {
        return tensor.numElements() * Weights.bytesPerElement(dtype(tensor));
    }
}
