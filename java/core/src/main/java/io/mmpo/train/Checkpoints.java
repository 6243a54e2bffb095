package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.config.TrainingConfig;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.files.IoProblem;
import io.mmpo.model.PretrainedModel;
import io.mmpo.model.SafetensorsReader;
import io.mmpo.model.SafetensorsWriter;
import io.mmpo.model.WeightFiles;
import io.mmpo.nativelib.NativeTrainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Writes checkpoints and the final model, and puts a run back where a checkpoint left it. */
final class Checkpoints {
    static final String OPTIMIZER = "optimizer.safetensors";

    private final RunDirectory directory;
    private final TrainingConfig config;
    private final PretrainedModel model;
    private final NativeTrainer trainer;
    private final ModelSaver saver;
    private final ProgressListener listener;

    Checkpoints(
            RunDirectory directory,
            TrainingConfig config,
            PretrainedModel model,
            NativeTrainer trainer,
            ProgressListener listener) {
        this.directory = directory;
        this.config = config;
        this.model = model;
        this.trainer = trainer;
        this.saver = new ModelSaver(model, trainer, config, listener);
        this.listener = listener;
    }

    /** Model, optimizer and trainer state under checkpoint-&lt;step&gt;; then as many old ones go as save_total_limit says. */
    Path save(TrainerState state) {
        Path target = directory.checkpoint(state.globalStep());
        FiniteWeights.require(trainer.parameters(), target.toString());
        try (AtomicDirectory checkpoint = AtomicDirectory.create(target)) {
            saver.save(checkpoint.path(), target);
            SafetensorsWriter.writeFile(
                    checkpoint.path().resolve(OPTIMIZER),
                    new OptimizerState(trainer).tensors(!saver.isExact()),
                    Map.of());
            Files.writeString(checkpoint.path().resolve(TrainerState.FILE), state.toJson());
            Files.writeString(checkpoint.path().resolve(RunDirectory.CONFIG), config.toYaml());
            checkpoint.commit();
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "%s cannot be written: %s. Make room, or choose another output_dir.",
                    target,
                    IoProblem.of(e));
        }
        config.run().saveTotalLimit().ifPresent(directory::keepNewest);
        listener.saved(target);
        return target;
    }

    Path saveFinal() {
        Path target = directory.finalModel();
        FiniteWeights.require(trainer.parameters(), target.toString());
        try (AtomicDirectory directory = AtomicDirectory.create(target)) {
            saver.save(directory.path(), target);
            directory.commit();
        }
        listener.saved(target);
        return target;
    }

    /** Weights, moments and number of updates as they were when the checkpoint was written, to the bit. */
    void restore(Path checkpoint, TrainerState state) {
        OptimizerState optimizer = new OptimizerState(trainer);
        try (SafetensorsReader reader = SafetensorsReader.open(checkpoint.resolve(OPTIMIZER));
                WeightFiles weights = model.openSaved(checkpoint)) {
            optimizer.restore(reader, weights, checkpoint);
        }
        trainer.restore(state.globalStep());
    }
}
