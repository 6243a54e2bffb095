package io.mmpo.model;

import io.mmpo.nativelib.Tensor;
import java.lang.foreign.Arena;

/** What a file holds of a tensor. Its type is known before it is made, so that files can be divided. */
interface TensorForm {
    /** safetensors' name of the type. */
    String dtype(Tensor tensor);

    /** In the arena's memory, or the tensor itself. */
    Tensor of(Tensor tensor, Arena memory);

    TensorForm UNCHANGED = new TensorForm() {
        @Override
        public String dtype(Tensor tensor) {
            return tensor.dtype();
        }

        @Override
        public Tensor of(Tensor tensor, Arena memory) {
            return tensor;
        }
    };

    default long bytes(Tensor tensor) {
        return tensor.numElements() * Tensor.bytesPerElement(dtype(tensor));
    }
}
