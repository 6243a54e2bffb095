package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.dist.Ranks;
import io.mmpo.model.WeightFiles;
import io.mmpo.nativelib.NativeException;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.nativelib.StoredTensor;
import io.mmpo.nativelib.Tensor;
import io.mmpo.shard.StateShards;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a checkpoint holds beside the model's files: the optimizer's state, and what is trained where those files are of a narrower
 * type and hold it rounded. The names of the latter begin with "master.". Of several ranks each writes its parts.
 */
final class OptimizerState {
    /** Of the files, without the ending. */
    static final String NAME = "optimizer";

    private static final String MASTER = "master.";
    private static final int ALIGNMENT = 64;

    private final NativeTrainer trainer;
    private final TrainedTensors trained;
    private final Ranks ranks;

    OptimizerState(NativeTrainer trainer, TrainedTensors trained, Ranks ranks) {
        this.trainer = trainer;
        this.trained = trained;
        this.ranks = ranks;
    }

    /** This rank's file. masters: whether what is trained is among it. */
    void write(Path directory, boolean masters) {
        List<StateShards.Part> parts = new ArrayList<>();
        List<Tensor> state = trainer.optimizerState();
        if (ranks.isFirst() || trained.dividesOptimizer()) {
            for (int i = 0; i < state.size(); i++) {
                parts.add(new StateShards.Part(
                        state.get(i), trainer.optimizerRange(i).begin()));
            }
        }
        if (masters && (ranks.isFirst() || trained.dividesMasters())) {
            trained.parts()
                    .forEach(part -> parts.add(
                            new StateShards.Part(named(MASTER + part.values().name(), part.values()), part.begin())));
        }
        if (!parts.isEmpty()) {
            StateShards.write(StateShards.file(directory, NAME, ranks.rank()), parts);
        }
    }

    /** saved: what {@link #write} left. weights: of the model's files, which are what is trained where saved has no masters. */
    void restore(StateShards saved, WeightFiles weights, Path checkpoint) {
        boolean hasMasters = saved.names().stream().anyMatch(name -> name.startsWith(MASTER));
        try {
            trainer.load(hasMasters ? masters(saved) : trainedOf(weights.tensors()));
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

    private List<StoredTensor> masters(StateShards saved) {
        return trained.whole().stream()
                .filter(tensor -> saved.names().contains(MASTER + tensor.name()))
                .<StoredTensor>map(tensor -> new SavedMaster(saved, tensor))
                .toList();
    }

    /** What a state has of a parameter: as it has it, the core says whether it fits. */
    private record SavedMaster(StateShards saved, Tensor parameter) implements StoredTensor {
        private String key() {
            return MASTER + parameter.name();
        }

        @Override
        public String name() {
            return parameter.name();
        }

        @Override
        public long[] shape() {
            return saved.shape(key()).orElse(parameter.shape());
        }

        @Override
        public String dtype() {
            return saved.dtype(key()).orElseThrow();
        }

        @Override
        public void read(long offset, MemorySegment target) {
            if (!saved.read(key(), offset / Tensor.bytesPerElement(dtype()), target)) {
                throw MmpoException.data(
                        "%s does not hold all of %s. Resume from another checkpoint.", saved.directory(), key());
            }
        }
    }

    /** An adapter's files may hold more than what is trained. */
    private List<? extends StoredTensor> trainedOf(List<? extends StoredTensor> weights) {
        Set<String> names = trained.whole().stream().map(Tensor::name).collect(Collectors.toSet());
        return weights.stream().filter(tensor -> names.contains(tensor.name())).toList();
    }

    private void restoreOptimizer(StateShards saved, Path checkpoint) {
        List<Tensor> targets = trainer.optimizerState();
        for (int i = 0; i < targets.size(); i++) {
            Tensor target = targets.get(i);
            long begin = trainer.optimizerRange(i).begin();
            try (Arena memory = Arena.ofConfined()) { // one at a time: together they are twice the model
                MemorySegment values = memory.allocate(target.data().byteSize(), ALIGNMENT);
                if (!fits(saved, target) || !saved.read(target.name(), begin, values)) {
                    throw MmpoException.data(
                            "%s does not hold %s as this run needs it, %s of shape %s. Resume with the model_name_or_path and optim that the"
                                    + " checkpoint was written with.",
                            checkpoint, target.name(), target.dtype(), Arrays.toString(target.shape()));
                }
                trainer.writeOptimizerState(i, values);
            }
        }
    }

    private boolean fits(StateShards saved, Tensor target) {
        boolean sameType =
                saved.dtype(target.name()).filter(target.dtype()::equals).isPresent();
        boolean sameSize = trained.dividesOptimizer()
                || saved.shape(target.name())
                        .map(shape -> Arrays.equals(shape, target.shape()))
                        .orElse(saved.numElements(target.name()) == target.numElements());
        return sameType && sameSize;
    }

    private static Tensor named(String name, Tensor tensor) {
        return new Tensor(name, tensor.shape(), tensor.dtype(), tensor.data());
    }
}
