package io.mmpo.train;

import io.mmpo.RunMetrics;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.run.TrainerState;
import java.nio.file.Path;
import java.util.Optional;

/** Of a run that leaves no files: what it has made is the model. */
record InMemory(NativeTrainer trainer) implements Saving {
    @Override
    public void evaluated(RunMetrics evaluation) {
        // there is no checkpoint that could be the best
    }

    @Override
    public void save(TrainerState state) {
        // there is no place for it
    }

    @Override
    public Optional<Path> saveWhole(TrainerState state) {
        return Optional.empty();
    }

    @Override
    public Optional<Path> saveFinal(int lastStep) {
        FiniteWeights.require(trainer.parameters(), "the trained model");
        return Optional.empty();
    }
}
