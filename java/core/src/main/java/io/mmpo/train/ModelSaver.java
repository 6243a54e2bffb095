package io.mmpo.train;

import io.mmpo.config.TrainingConfig;
import io.mmpo.model.Narrowing;
import io.mmpo.model.PretrainedModel;
import io.mmpo.model.WeightFiles;
import io.mmpo.nativelib.RoundingLoss;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.WeightFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Leaves what a trainer has made, in the type that the run writes, and says what rounding to a narrower one leaves of the training.
 * It is made before the first update.
 */
final class ModelSaver {
    private final PretrainedModel model;
    private final Optional<Path> chatTemplate;
    private final TrainedTensors trained;
    private final WeightFormat format;
    private final ProgressListener listener;
    private final boolean exact;
    /** An adapter's parameters as they began, where rounding will be compared with them; a model's own are in its files. */
    private final List<Tensor> adapterStart;

    ModelSaver(PretrainedModel model, TrainedTensors trained, TrainingConfig config, ProgressListener listener) {
        this.model = model;
        this.chatTemplate = config.model().chatTemplate();
        this.trained = trained;
        this.format = config.savedFormat();
        this.listener = listener;
        this.exact = format.type().holds(config.trainedType());
        this.adapterStart = exact || model.adapter().isEmpty()
                ? List.of()
                : copies(model.core().adapterParameters());
    }

    /** Whether the files hold what is trained to the bit. */
    boolean isExact() {
        return exact;
    }

    /** directory: an existing one, the same on all ranks, of which the first one writes. name: what it will be, for messages. */
    void save(Path directory, Path name) {
        trained.onFirst(directory, weights -> save(directory, name, weights));
    }

    private void save(Path directory, Path name, List<Tensor> weights) {
        if (exact) {
            model.save(directory, chatTemplate, weights, new Narrowing(format, List.of()));
            return;
        }
        if (model.adapter().isPresent()) {
            save(directory, name, weights, adapterStart);
            return;
        }
        try (WeightFiles source = model.openSource()) {
            save(directory, name, weights, source.weights());
        }
    }

    private void save(Path directory, Path name, List<Tensor> weights, List<Tensor> start) {
        Narrowing narrowing = new Narrowing(format, start);
        model.save(directory, chatTemplate, weights, narrowing);
        tell(name, narrowing.loss());
    }

    private void tell(Path name, RoundingLoss loss) {
        String left = name.getFileName() + ": " + loss.describe(format.type());
        if (format.stochastic()) {
            listener.message(left + "; rounded up or down by chance, it is the update in the mean");
        } else if (loss.isLarge()) {
            listener.message("warning: " + left + "; save_dtype: float32 keeps all that was trained");
        } else {
            listener.message(left);
        }
    }

    private static List<Tensor> copies(List<Tensor> weights) {
        Arena memory = Arena.ofAuto();
        return weights.stream()
                .map(tensor -> {
                    MemorySegment copy = memory.allocate(tensor.data().byteSize(), Double.BYTES);
                    return new Tensor(tensor.name(), tensor.shape(), tensor.dtype(), copy.copyFrom(tensor.data()));
                })
                .toList();
    }
}
