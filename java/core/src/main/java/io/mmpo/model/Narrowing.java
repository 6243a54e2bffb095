package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.NativeException;
import io.mmpo.nativelib.Rounded;
import io.mmpo.nativelib.RoundingLoss;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.WeightFormat;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Trained weights in the type of their file, made one after another, and what rounding to it leaves of their update. */
public final class Narrowing implements TensorForm {
    private final WeightFormat format;
    private final Map<String, Tensor> start = new HashMap<>();
    private RoundingLoss loss = RoundingLoss.NONE;

    /** start: before training, by the same names; needed where the type does not hold every number of the weights'. One that is not among
     * them had no update. */
    public Narrowing(WeightFormat format, List<Tensor> start) {
        this.format = format;
        start.forEach(weights -> this.start.put(weights.name(), weights));
    }

    @Override
    public String dtype(Tensor tensor) {
        return format.type().dtype();
    }

    @Override
    public Tensor of(Tensor tensor, Arena memory) {
        return of(tensor, start.getOrDefault(tensor.name(), tensor), memory);
    }

    /** before: the tensor that training, or an adapter, began with. */
    Tensor of(Tensor tensor, Tensor before, Arena memory) {
        if (tensor.dtype().equals(dtype(tensor))) {
            return tensor;
        }
        try {
            Rounded rounded = Rounded.of(format, tensor, before, memory);
            loss = loss.plus(rounded.loss());
            return rounded.weights();
        } catch (NativeException e) {
            throw e.status() != NativeException.Status.NON_FINITE
                    ? e
                    : MmpoException.of(
                            MmpoException.Kind.TRAINING,
                            e,
                            "The weights cannot be written in %s: %s. Write float32, which holds all that was trained.",
                            format.type(),
                            e.getMessage());
        }
    }

    /** Of the tensors that were made so far. */
    public RoundingLoss loss() {
        return loss;
    }
}
