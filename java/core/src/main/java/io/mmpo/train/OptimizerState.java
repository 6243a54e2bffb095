package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.nativelib.Weights;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A trainer's flat state as tensors with the parameters' names and shapes: Adam's moments, and the float32 master weights where
 * the model's own are bfloat16.
 */
final class OptimizerState {
    private static final String EXP_AVG = "exp_avg.";
    private static final String EXP_AVG_SQ = "exp_avg_sq.";
    private static final String MASTER = "master.";

    private final List<Weights> parameters;
    private final NativeTrainer trainer;
    private final boolean hasMaster;

    OptimizerState(NativeModel model, NativeTrainer trainer) {
        this.parameters = model.parameters();
        this.trainer = trainer;
        this.hasMaster =
                parameters.stream().anyMatch(parameter -> !parameter.dtype().equals("F32"));
    }

    /** Views of the trainer's memory, not copies. */
    List<Weights> tensors() {
        List<Weights> tensors = new ArrayList<>(views(EXP_AVG, trainer.expAvg()));
        tensors.addAll(views(EXP_AVG_SQ, trainer.expAvgSq()));
        if (hasMaster) {
            tensors.addAll(views(MASTER, trainer.parameters()));
        }
        return tensors;
    }

    /** saved: what {@link #tensors} gave. weights: the model's own, which are the parameters where there is no master copy. */
    void restore(List<Weights> saved, List<Weights> weights, Path checkpoint) {
        copy(saved, tensors(), checkpoint);
        if (!hasMaster) {
            copy(weights, views("", trainer.parameters()), checkpoint);
        }
    }

    private List<Weights> views(String prefix, MemorySegment flat) {
        List<Weights> views = new ArrayList<>();
        for (int i = 0; i < parameters.size(); i++) {
            Weights parameter = parameters.get(i);
            long offset = trainer.stateOffset(i) * Float.BYTES;
            MemorySegment data = flat.asSlice(offset, parameter.numElements() * Float.BYTES);
            views.add(new Weights(prefix + parameter.name(), parameter.shape(), "F32", data));
        }
        return views;
    }

    private static void copy(List<Weights> sources, List<Weights> targets, Path checkpoint) {
        Map<String, Weights> byName = new HashMap<>();
        sources.forEach(source -> byName.put(source.name(), source));
        for (Weights target : targets) {
            Weights source = byName.get(target.name());
            if (source == null || !source.dtype().equals("F32") || !Arrays.equals(source.shape(), target.shape())) {
                throw MmpoException.data(
                        "%s does not hold %s as this run needs it: float32 of shape %s. Resume with the configuration that the checkpoint"
                                + " was written with (bf16, model_name_or_path).",
                        checkpoint, target.name(), Arrays.toString(target.shape()));
            }
            target.data().copyFrom(source.data());
        }
    }
}
