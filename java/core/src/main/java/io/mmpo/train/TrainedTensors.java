package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.dist.Ranks;
import io.mmpo.files.IoProblem;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.nativelib.Tensor;
import io.mmpo.shard.StateShards;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** What is trained, of which a rank may hold parts: float32 master weights of a model that computes in bfloat16. */
final class TrainedTensors {
    private static final String NAME = "parts";
    private static final int ALIGNMENT = 64;

    private final NativeModel model;
    private final NativeTrainer trainer;
    private final Ranks ranks;
    private final boolean dividesOptimizer;

    /** dividesOptimizer: whether a rank has the optimizer's state of its part alone. */
    TrainedTensors(NativeModel model, NativeTrainer trainer, Ranks ranks, boolean dividesOptimizer) {
        this.model = model;
        this.trainer = trainer;
        this.ranks = ranks;
        this.dividesOptimizer = dividesOptimizer && ranks.areSeveral();
    }

    boolean dividesOptimizer() {
        return dividesOptimizer;
    }

    /** Whether this rank has parts of the masters alone. */
    boolean dividesMasters() {
        return dividesOptimizer && numElements(trainer.parameters()) < numElements(whole());
    }

    private static long numElements(List<Tensor> tensors) {
        return tensors.stream().mapToLong(Tensor::numElements).sum();
    }

    /** Names and shapes of all that is trained; the values are those that the model computes with. */
    List<Tensor> whole() {
        return model.trainableParameters();
    }

    /** What this rank has. */
    List<StateShards.Part> parts() {
        List<Tensor> tensors = trainer.parameters();
        List<StateShards.Part> parts = new ArrayList<>();
        for (int i = 0; i < tensors.size(); i++) {
            parts.add(new StateShards.Part(
                    tensors.get(i), trainer.parameterRange(i).begin()));
        }
        return parts;
    }

    /**
     * Calls the body on the first rank with what is trained, put together; its values live until it returns. All ranks make the call.
     *
     * @param directory that all ranks see; nothing is left in it
     */
    void onFirst(Path directory, Consumer<List<Tensor>> body) {
        if (!dividesMasters()) {
            if (ranks.isFirst()) {
                body.accept(trainer.parameters());
            }
            return;
        }
        Path own = StateShards.file(directory, NAME, ranks.rank());
        StateShards.write(own, parts());
        ranks.await("the parts of what is trained");
        if (ranks.isFirst()) {
            try (StateShards shards = StateShards.open(directory, NAME);
                    Arena memory = Arena.ofShared()) {
                body.accept(whole().stream()
                        .map(tensor -> together(shards, tensor, memory))
                        .toList());
            }
        }
        ranks.await("the putting together of what is trained");
        try {
            Files.delete(own);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT, e, "%s cannot be removed: %s.", own, IoProblem.of(e));
        }
    }

    private static Tensor together(StateShards shards, Tensor tensor, Arena memory) {
        MemorySegment values = memory.allocate(tensor.numElements() * Float.BYTES, ALIGNMENT);
        if (!shards.read(tensor.name(), 0, values)) {
            throw MmpoException.environment(
                    "Parts of %s are missing in %s: all ranks must see the same output_dir.",
                    tensor.name(), shards.directory());
        }
        return new Tensor(tensor.name(), tensor.shape(), "F32", values);
    }
}
