package io.mmpo.tune;

import io.mmpo.Evaluation;
import io.mmpo.RunMetrics;
import io.mmpo.config.TrainingConfig;
import io.mmpo.data.Reading;
import io.mmpo.train.ProgressListener;
import java.nio.file.Path;

/** Hands on what it hears, and asks a run to stop once it was evaluated after a share of its steps; a share of 1 never does. */
final class StopAtShare implements ProgressListener {
    private final ProgressListener listener;
    private final TrainingConfig config;
    private final double share;
    private boolean isReached;

    StopAtShare(ProgressListener listener, TrainingConfig config, double share) {
        this.listener = listener;
        this.config = config;
        this.share = share;
    }

    @Override
    public void logged(RunMetrics line) {
        isReached |= share < 1 && line instanceof Evaluation && TrialMetrics.share(config, line) >= share;
        listener.logged(line);
    }

    @Override
    public boolean stopRequested() {
        return isReached || listener.stopRequested();
    }

    @Override
    public void message(String line) {
        listener.message(line);
    }

    @Override
    public void started(Phase phase, long done, long total) {
        listener.started(phase, done, total);
    }

    @Override
    public void totalKnown(Phase phase, long total) {
        listener.totalKnown(phase, total);
    }

    @Override
    public void advanced(Phase phase, long done, long rows) {
        listener.advanced(phase, done, rows);
    }

    @Override
    public void finished(Phase phase) {
        listener.finished(phase);
    }

    @Override
    public void reading(String purpose, Reading reading) {
        listener.reading(purpose, reading);
    }

    @Override
    public void tokenized(String purpose, int rowsTokenized) {
        listener.tokenized(purpose, rowsTokenized);
    }

    @Override
    public void scoredReference(int computed, int cached, int compared) {
        listener.scoredReference(computed, cached, compared);
    }

    @Override
    public void saved(Path directory) {
        listener.saved(directory);
    }
}
