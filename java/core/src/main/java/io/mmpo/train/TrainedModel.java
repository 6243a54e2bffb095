package io.mmpo.train;

import io.mmpo.infer.OpenModel;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A model that a run has left in memory, with what it takes to save it as exactly as it was trained: the memory of master weights,
 * gradients and optimizer is kept until it is closed.
 */
public final class TrainedModel implements AutoCloseable {
    private final OpenModel model;
    private final boolean hasAdapter;
    private final Consumer<Path> saver;

    TrainedModel(OpenModel model, boolean hasAdapter, Consumer<Path> saver) {
        this.model = model;
        this.hasAdapter = hasAdapter;
        this.saver = saver;
    }

    public OpenModel model() {
        return model;
    }

    public boolean hasAdapter() {
        return hasAdapter;
    }

    /** Writes the model's files, or the adapter's, into an existing directory. */
    public void save(Path directory) {
        saver.accept(directory);
    }

    @Override
    public void close() {
        model.close();
    }
}
