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
 * What a checkpoint holds beside the model: the optimizer's state, and the float32 master weights where the model's own are
 * bfloat16. The names of the latter begin with "master.".
 */
final class OptimizerState {
    private static final String MASTER = "master.";

    private final NativeTrainer trainer;
    private final boolean hasMaster;

    OptimizerState(NativeModel model, NativeTrainer trainer) {
        this.trainer = trainer;
        this.hasMaster = model.trainableParameters().stream()
                .anyMatch(parameter -> !parameter.dtype().equals("F32"));
    }

    /** Views of the trainer's memory; of a trainer on a GPU copies. */
    List<Weights> tensors() {
        List<Weights> tensors = new ArrayList<>(trainer.optimizerState());
        if (hasMaster) {
            for (Weights master : trainer.parameters()) {
                tensors.add(new Weights(MASTER + master.name(), master.shape(), master.dtype(), master.data()));
            }
        }
        return tensors;
    }

    /** saved: what {@link #tensors} gave. weights: the model's own, which are the parameters where there is no master copy. */
    void restore(List<Weights> saved, List<Weights> weights, Path checkpoint) {
        copy(saved, "", trainer.optimizerState(), checkpoint, trainer::writeOptimizerState);
        copy(
                hasMaster ? saved : weights,
                hasMaster ? MASTER : "",
                trainer.parameters(),
                checkpoint,
                trainer::writeParameter);
    }

    /** Puts a tensor's contents in the place of the target with that index. */
    private interface Writer {
        void write(int index, MemorySegment data);
    }

    /** prefix: of the targets' names among the sources. */
    private static void copy(
            List<Weights> sources, String prefix, List<Weights> targets, Path checkpoint, Writer writer) {
        Map<String, Weights> byName = new HashMap<>();
        sources.forEach(source -> byName.put(source.name(), source));
        for (int i = 0; i < targets.size(); i++) {
            Weights target = targets.get(i);
            Weights source = byName.get(prefix + target.name());
            if (source == null
                    || !source.dtype().equals(target.dtype())
                    || !Arrays.equals(source.shape(), target.shape())) {
                throw MmpoException.data(
                        "%s does not hold %s as this run needs it, %s of shape %s. Resume with the model_name_or_path, bf16 and optim that"
                                + " the checkpoint was written with.",
                        checkpoint, prefix + target.name(), target.dtype(), Arrays.toString(target.shape()));
            }
            writer.write(i, source.data());
        }
    }
}
