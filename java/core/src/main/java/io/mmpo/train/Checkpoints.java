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
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;

/** Writes checkpoints and the final model, and puts a run back where a checkpoint left it. */
final class Checkpoints {
    static final String OPTIMIZER = "optimizer.safetensors";

    /** Files of a checkpoint that are not the model's. */
    private static final Set<String> ABOUT_THE_RUN =
            Set.of(OPTIMIZER, TrainerState.FILE, RunDirectory.CONFIG, AtomicDirectory.MANIFEST);

    private final RunDirectory directory;
    private final TrainingConfig config;
    private final PretrainedModel model;
    private final NativeTrainer trainer;
    private final ModelSaver saver;
    private final ProgressListener listener;
    private final BestModel best;

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
        this.best = new BestModel(config.run().best(), directory);
    }

    /** An evaluation after a step, which may be the best so far. */
    void evaluated(Map<String, Number> metrics) {
        best.observe(metrics);
    }

    /** Under checkpoint-&lt;step&gt;, as save_only_model says; then as many old ones go as save_total_limit says. */
    Path save(TrainerState state) {
        return save(state, !config.run().saveOnlyModel());
    }

    /** What the run can go on from, whatever save_only_model says. */
    Path saveWhole(TrainerState state) {
        return save(state, true);
    }

    /** Model and trainer state, and the optimizer's too in a whole one. */
    private Path save(TrainerState state, boolean whole) {
        Path target = directory.checkpoint(state.globalStep());
        FiniteWeights.require(trainer.parameters(), target.toString());
        try (AtomicDirectory checkpoint = AtomicDirectory.create(target)) {
            saver.save(checkpoint.path(), target);
            if (whole) {
                SafetensorsWriter.writeFile(
                        checkpoint.path().resolve(OPTIMIZER),
                        new OptimizerState(trainer).tensors(!saver.isExact()),
                        Map.of());
            }
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
        best.saved();
        config.run().saveTotalLimit().ifPresent(limit -> directory.keep(limit, best.checkpoint()));
        listener.saved(target);
        return target;
    }

    /** The last model, or the best one where load_best_model_at_end asks for it. */
    Path saveFinal() {
        Path target = directory.finalModel();
        Optional<Path> chosen = config.run().best().loadAtEnd() ? bestCheckpoint() : Optional.empty();
        if (chosen.isEmpty()) {
            FiniteWeights.require(trainer.parameters(), target.toString());
        }
        try (AtomicDirectory model = AtomicDirectory.create(target)) {
            if (chosen.isPresent()) {
                copyModel(chosen.get(), model.path());
            } else {
                saver.save(model.path(), target);
            }
            model.commit();
        }
        if (config.run().saveTotalLimit().equals(OptionalInt.of(1))) {
            best.checkpoint().ifPresent(directory::keepOnly);
        }
        listener.saved(target);
        return target;
    }

    private Optional<Path> bestCheckpoint() {
        Optional<Path> chosen = best.checkpoint();
        listener.message(chosen.map(path -> "final is " + path.getFileName() + ", the best: " + best.describe())
                .orElse("load_best_model_at_end: the best evaluation (" + best.describe()
                        + ") has no checkpoint, so final is the last model"));
        return chosen;
    }

    /** The files of the model alone, as they were written: its weights are those of final to the bit. */
    private static void copyModel(Path checkpoint, Path target) {
        AtomicDirectory.problem(checkpoint).ifPresent(problem -> {
            throw MmpoException.data("The best checkpoint cannot become the final model: %s", problem);
        });
        try (Stream<Path> files = Files.list(checkpoint)) {
            for (Path file : files.filter(
                            file -> !ABOUT_THE_RUN.contains(file.getFileName().toString()))
                    .toList()) {
                Files.copy(file, target.resolve(file.getFileName()));
            }
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "%s cannot be copied to %s: %s. Make room; the checkpoint is whole.",
                    checkpoint,
                    target,
                    IoProblem.of(e));
        }
    }

    /** Weights, moments and number of updates as they were when the checkpoint was written, to the bit. */
    void restore(Path checkpoint, TrainerState state) {
        OptimizerState optimizer = new OptimizerState(trainer);
        try (SafetensorsReader reader = SafetensorsReader.open(checkpoint.resolve(OPTIMIZER));
                WeightFiles weights = model.openSaved(checkpoint)) {
            optimizer.restore(reader, weights, checkpoint);
        }
        trainer.restore(state.globalStep());
        best.observeAgain(state.logHistory());
    }
}
