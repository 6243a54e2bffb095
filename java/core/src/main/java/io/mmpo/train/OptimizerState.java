package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.model.SafetensorsReader;
import io.mmpo.model.WeightFiles;
import io.mmpo.nativelib.NativeException;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.nativelib.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a checkpoint holds beside the model's files: the optimizer's state, and what is trained where those files are of a narrower
 * type and hold it rounded. The names of the latter begin with "master.".
 */
final class OptimizerState {
    private static final String MASTER = "master.";

    private final NativeTrainer trainer;

    OptimizerState(NativeTrainer trainer) {
        this.trainer = trainer;
    }

    /** Views of the trainer's memory; of a trainer on a GPU copies. masters: whether what is trained is among them. */
    List<Tensor> tensors(boolean masters) {
        List<Tensor> tensors = new ArrayList<>(trainer.optimizerState());
        if (masters) {
            trainer.parameters().forEach(master -> tensors.add(named(MASTER + master.name(), master)));
        }
        return tensors;
    }

    /** saved: what {@link #tensors} gave. weights: of the model's files, which are what is trained where saved has no masters. */
    void restore(SafetensorsReader saved, WeightFiles weights, Path checkpoint) {
        List<Tensor> masters = saved.tensors().stream()
                .filter(tensor -> tensor.name().startsWith(MASTER))
                .map(tensor -> named(tensor.name().substring(MASTER.length()), tensor.toTensor()))
                .toList();
        try {
            trainer.load(masters.isEmpty() ? trained(weights.weights()) : masters);
        } catch (NativeException e) {
            throw e.status() != NativeException.Status.INVALID_MODEL
                    ? e
                    : MmpoException.of(
                            MmpoException.Kind.DATA,
                            e,
                            "%s does not hold the weights of this run: %s. Resume with the model_name_or_path that the checkpoint was"
                                    + " written with.",
                            checkpoint,
                            e.getMessage());
        }
        restoreOptimizer(saved, checkpoint);
    }

    /** An adapter's files may hold more than what is trained. */
    private List<Tensor> trained(List<Tensor> weights) {
        Set<String> names = trainer.parameters().stream().map(Tensor::name).collect(Collectors.toSet());
        return weights.stream().filter(tensor -> names.contains(tensor.name())).toList();
    }

    private void restoreOptimizer(SafetensorsReader saved, Path checkpoint) {
        Map<String, SafetensorsReader.Entry> byName = new HashMap<>();
        saved.tensors().forEach(tensor -> byName.put(tensor.name(), tensor));
        List<Tensor> targets = trainer.optimizerState();
        for (int i = 0; i < targets.size(); i++) {
            Tensor target = targets.get(i);
            SafetensorsReader.Entry source = byName.get(target.name());
            if (source == null
                    || !source.dtype().equals(target.dtype())
                    || !Arrays.equals(source.shape(), target.shape())) {
                throw MmpoException.data(
                        "%s does not hold %s as this run needs it, %s of shape %s. Resume with the model_name_or_path and optim that the"
                                + " checkpoint was written with.",
                        checkpoint, target.name(), target.dtype(), Arrays.toString(target.shape()));
            }
            try (Arena memory = Arena.ofConfined()) { // one at a time: together they are twice the model
                trainer.writeOptimizerState(i, source.read(memory).data());
            }
        }
    }

    private static Tensor named(String name, Tensor tensor) {
        return new Tensor(name, tensor.shape(), tensor.dtype(), tensor.data());
    }
}
