package io.mmpo.train;

import io.mmpo.RunMetrics;
import io.mmpo.config.TrainingConfig;
import io.mmpo.dist.Ranks;
import io.mmpo.files.AtomicFile;
import io.mmpo.model.PretrainedModel;
import io.mmpo.model.WeightFiles;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.run.CheckpointName;
import io.mmpo.run.RunCheckpoint;
import io.mmpo.run.RunDirectory;
import io.mmpo.run.TrainerState;
import io.mmpo.shard.StateShards;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/** Writes checkpoints and the final model, and puts a run back where a checkpoint left it. */
final class Checkpoints implements Saving {
    private final RunDirectory directory;
    private final TrainingConfig config;
    private final PretrainedModel model;
    private final NativeTrainer trainer;
    private final ModelCard card;
    private final ModelSaver saver;
    private final ProgressListener listener;
    private final BestModel best;
    private final Ranks ranks;
    private final OptimizerState optimizer;

    Checkpoints(
            RunDirectory directory,
            TrainingConfig config,
            PretrainedModel model,
            NativeTrainer trainer,
            ModelCard card,
            ProgressListener listener,
            Ranks ranks) {
        this.directory = directory;
        this.config = config;
        this.model = model;
        this.trainer = trainer;
        this.card = card;
        TrainedTensors trained =
                new TrainedTensors(model.core(), trainer, ranks, config.ranks().zeroStage() > 0);
        this.saver = new ModelSaver(model, trained, config, listener);
        this.optimizer = new OptimizerState(trainer, trained, ranks);
        this.ranks = ranks;
        this.listener = listener;
        this.best = new BestModel(config.run().best(), directory);
    }

    /** An evaluation after a step, which may be the best so far. */
    @Override
    public void evaluated(RunMetrics evaluation) {
        best.observe(evaluation);
        best.saved(); // the checkpoint is there already where a run that goes on evaluates it
    }

    /** Under checkpoint-&lt;step&gt;, as save_only_model says; then as many old ones go as save_total_limit says. */
    @Override
    public void save(TrainerState state) {
        save(state, !config.run().saveOnlyModel());
    }

    /** What the run can go on from, whatever save_only_model says. */
    @Override
    public Optional<Path> saveWhole(TrainerState state) {
        return Optional.of(save(state, true));
    }

    /** Model and trainer state, and the optimizer's too in a whole one. */
    private Path save(TrainerState state, boolean whole) {
        Path target = directory.checkpoint(state.globalStep());
        FiniteWeights.require(trainer.parameters(), target.toString());
        try (SharedDirectory checkpoint = SharedDirectory.create(target, ranks)) {
            saver.save(checkpoint.path(), target);
            if (whole) {
                optimizer.write(checkpoint.path(), !saver.isExact());
            }
            if (ranks.isFirst()) {
                RunCheckpoint.describe(checkpoint.path(), target, state, config);
            }
            checkpoint.commit();
        }
        best.saved();
        if (ranks.isFirst()) {
            config.run().saveTotalLimit().ifPresent(limit -> directory.keep(limit, best.checkpoint()));
        }
        listener.saved(target);
        return target;
    }

    /** The model as it is after the last step, or the best one where load_best_model_at_end asks for it, with its card. */
    @Override
    public Optional<Path> saveFinal(int lastStep) {
        Path target = directory.finalModel();
        Optional<Path> chosen = config.run().best().loadAtEnd() ? bestCheckpoint() : Optional.empty();
        if (chosen.isEmpty()) {
            FiniteWeights.require(trainer.parameters(), target.toString());
        }
        try (SharedDirectory model = SharedDirectory.create(target, ranks)) {
            if (chosen.isEmpty()) {
                saver.save(model.path(), target);
            } else if (ranks.isFirst()) {
                RunCheckpoint.copyModel(chosen.get(), model.path());
            }
            int step = chosen.map(path -> CheckpointName.stepOf(path).orElseThrow())
                    .orElse(lastStep);
            if (ranks.isFirst()) {
                AtomicFile.write(model.path().resolve(ModelCard.FILE), card.afterStep(step));
            }
            model.commit();
        }
        if (ranks.isFirst() && config.run().saveTotalLimit().equals(OptionalInt.of(1))) {
            best.checkpoint().ifPresent(directory::keepOnly);
        }
        listener.saved(target);
        return Optional.of(target);
    }

    private Optional<Path> bestCheckpoint() {
        Optional<Path> chosen = best.checkpoint();
        listener.message(chosen.map(path -> "final is " + path.getFileName() + ", the best: " + best.describe())
                .orElse("load_best_model_at_end: the best evaluation (" + best.describe()
                        + ") has no checkpoint, so final is the last model"));
        return chosen;
    }

    /** Weights, moments and number of updates as they were when the checkpoint was written, to the bit. */
    void restore(RunCheckpoint checkpoint) {
        try (StateShards saved = StateShards.open(checkpoint.path(), OptimizerState.NAME);
                WeightFiles weights = model.openSaved(checkpoint.path())) {
            optimizer.restore(saved, weights, checkpoint.path());
        }
        trainer.restore(checkpoint.state().globalStep());
        best.observeAgain(checkpoint.state().logHistory());
    }
}
