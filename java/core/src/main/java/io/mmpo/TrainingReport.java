package io.mmpo;

import io.mmpo.train.TrainedModel;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How a run ended. A run without an output directory has left its model in memory, which closing the report frees; of any other run
 * closing it frees the model that it has opened, if it was asked for one.
 */
public final class TrainingReport implements AutoCloseable {
    private final int steps;
    private final Optional<TrainingSummary> summary;
    private final Optional<Path> directory;
    private final Optional<TrainedModel> trained;
    private @Nullable LanguageModel model;
    private boolean closed;

    TrainingReport(
            int steps, Optional<TrainingSummary> summary, Optional<Path> directory, Optional<TrainedModel> trained) {
        this.steps = steps;
        this.summary = summary;
        this.directory = directory;
        this.trained = trained;
    }

    /** Whether it was cancelled before its last step. */
    public boolean isCancelled() {
        return summary.isEmpty();
    }

    /** Updates that were made, with those of the run that it went on from. */
    public int steps() {
        return steps;
    }

    /** Empty where the run was cancelled. */
    public Optional<TrainingSummary> summary() {
        return summary;
    }

    /** Of the final model, or of the last checkpoint where the run was cancelled; empty where nothing was written. */
    public Optional<Path> directory() {
        return directory;
    }

    /** The trained model, as far as the run came; this report closes it. */
    public synchronized LanguageModel model() {
        if (closed) {
            throw new IllegalStateException("the training report is closed");
        }
        if (model == null) {
            model = open();
        }
        return model;
    }

    private LanguageModel open() {
        if (trained.isPresent()) {
            return LanguageModel.of(trained.get());
        }
        return LanguageModel.load(directory.orElseThrow(() -> new IllegalStateException(
                "the run was cancelled before it began to train, and there is no trained model")));
    }

    /** Idempotent. */
    @Override
    public synchronized void close() {
        closed = true;
        if (model != null) {
            model.close();
        } else {
            trained.ifPresent(TrainedModel::close);
        }
    }
}
