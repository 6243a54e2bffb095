package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.config.ModelOptions;
import io.mmpo.config.OptimizerOptions;
import io.mmpo.config.RankOptions;
import io.mmpo.config.SavedConfig;
import io.mmpo.config.TrainingConfig;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.dist.Ranks;
import io.mmpo.eval.lm.LmEvaluation;
import io.mmpo.infer.LazyTokenizer;
import io.mmpo.infer.ModelSources;
import io.mmpo.infer.OpenModel;
import io.mmpo.infer.Scorer;
import io.mmpo.model.ModelSource;
import io.mmpo.model.PretrainedModel;
import io.mmpo.nativelib.ChosenDevice;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.nativelib.Sharding;
import io.mmpo.run.MetricsLog;
import io.mmpo.run.RunCheckpoint;
import io.mmpo.run.RunDirectory;
import io.mmpo.spec.OptimizerSettings;
import io.mmpo.spec.TrackerKind;
import io.mmpo.spec.WeightType;
import io.mmpo.track.TrackedRun;
import io.mmpo.track.Tracker;
import io.mmpo.track.Trackers;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/** Everything that a run holds open: tokenizer, rows, model, optimizer state. */
final class TrainingSession implements AutoCloseable {
    private final TrainingConfig config;
    private final RunMemory memory;
    private final ProgressListener listener;
    private final Resources resources;
    private final ModelSource source;
    private final LazyTokenizer tokenizer;
    private final CheckedRows trainingRows;
    private final Optional<CheckedRows> evaluationRows;
    private final PretrainedModel model;
    private final Ranks ranks;
    private final RowTurns turns;
    private final Optional<LmEvaluation.Prepared> tasks;

    private TrainingSession(
            TrainingConfig config,
            RunMemory memory,
            ProgressListener listener,
            UnaryOperator<Supplier<Tokenizer>> onTokenizer,
            Ranks ranks,
            Resources resources) {
        this.config = config;
        this.memory = memory;
        this.listener = listener;
        this.ranks = ranks;
        this.resources = resources;
        tasks = readTasks();
        source = ModelSources.of(config.model().model(), config.model().revision(), listener::message);
        tokenizer = resources.keep(
                new LazyTokenizer(source.tokenizerDirectory(), config.model().chatTemplate()));
        TrainingRows rows = new TrainingRows(
                config, memory, source.tokenizerDirectory(), onTokenizer.apply(tokenizer), listener::message);
        turns = RowTurns.await(ranks, CacheDirectory.of(config.data().cache(), System.getenv()));
        TokenizedDataset training = resources.keep(rows.openTraining());
        Optional<TokenizedDataset> evaluation = rows.openEvaluation();
        evaluation.ifPresent(resources::keep);
        model = resources.keep(PolicyModel.load(source, config, listener));
        trainingRows = checked(training, "training");
        evaluationRows = evaluation.map(data -> checked(data, "evaluation"));
    }

    private Optional<LmEvaluation.Prepared> readTasks() {
        if (config.run().tasks().names().isEmpty()) {
            return Optional.empty();
        }
        if (!memory.leavesFiles()) {
            throw MmpoException.configuration(
                    "eval_tasks writes its files into output_dir, and this run has none; give it a directory, or leave eval_tasks out");
        }
        return Optional.of(TaskEvaluator.read(config));
    }

    private CheckedRows checked(TokenizedDataset rows, String purpose) {
        return new CheckedRows(rows, purpose, config.model().model().toString(), model.config());
    }

    /** Rows are opened first, so that they are tokenized while the weights are read. */
    static TrainingSession open(TrainingConfig config, ProgressListener listener) {
        return open(config, RunMemory.NONE, listener);
    }

    static TrainingSession open(TrainingConfig config, RunMemory memory, ProgressListener listener) {
        return open(config, memory, listener, UnaryOperator.identity());
    }

    static TrainingSession open(TrainingConfig config, ProgressListener listener, Ranks ranks) {
        return open(config, RunMemory.NONE, listener, UnaryOperator.identity(), ranks);
    }

    /** onTokenizer: what tokenizing threads ask for the tokenizer. */
    static TrainingSession open(
            TrainingConfig config,
            RunMemory memory,
            ProgressListener listener,
            UnaryOperator<Supplier<Tokenizer>> onTokenizer) {
        return open(config, memory, listener, onTokenizer, Ranks.ALONE);
    }

    private static TrainingSession open(
            TrainingConfig config,
            RunMemory memory,
            ProgressListener listener,
            UnaryOperator<Supplier<Tokenizer>> onTokenizer,
            Ranks ranks) {
        Resources resources = new Resources();
        try {
            if (memory.leavesFiles() && ranks.isFirst()) {
                takeDirectory(config, listener, resources);
            }
            return new TrainingSession(config, memory, listener, onTokenizer, ranks, resources);
        } catch (RuntimeException | Error e) {
            resources.close();
            throw e;
        }
    }

    private static void takeDirectory(TrainingConfig config, ProgressListener listener, Resources resources) {
        Path output = config.run().outputDir();
        RunDirectory.requireWritable(output);
        resources.keep(RunDirectory.lock(output, listener::message));
        if (config.run().resumeFrom().isEmpty()) {
            RunDirectory.requireUnused(output);
        }
    }

    TrainingResult train(IntFunction<RowOrder> orderOf) {
        tellForm();
        Preparation preparation = new Preparation(
                config, memory.leavesFiles(), listener, source, model, trainingRows, evaluationRows, ranks, turns);
        return preparation.run(orderOf).map(this::train).orElseGet(() -> untrained(preparation.from()));
    }

    private TrainingResult train(PreparedRun run) {
        NativeTrainer trainer = resources.keep(createTrainer());
        if (run.from().isEmpty()) {
            PolicyModel.loadMasters(model, trainer, config);
        }
        return memory.leavesFiles() ? trainIntoDirectory(run, trainer) : trainInMemory(run, trainer);
    }

    private TrainingResult trainIntoDirectory(PreparedRun run, NativeTrainer trainer) {
        RunDirectory directory = new RunDirectory(config.run().outputDir());
        Tracker tracker = resources.keep(openTracker(directory, run));
        MetricsLog log = new MetricsLog(directory, tracker::log);
        ModelCard card = new ModelCard(config, run.plan(), model, log);
        Checkpoints checkpoints = new Checkpoints(directory, config, model, trainer, card, listener, ranks);
        if (ranks.isFirst() && config.run().resumeFrom().isPresent()) {
            log.restore(run.from().map(point -> point.state().logHistory()).orElse(List.of()));
        }
        run.from().ifPresent(point -> resume(point, checkpoints));
        TrainingResult result = new TrainingLoop(
                        config,
                        run,
                        new Scorer(model.core()),
                        tasks.map(read ->
                                new TaskEvaluator(read, config, OpenModel.of(model, tokenizer), listener, ranks)),
                        trainer,
                        checkpoints,
                        log,
                        listener,
                        ranks)
                .run();
        tracker.ended(result.interrupted() ? Tracker.Ending.INTERRUPTED : Tracker.Ending.FINISHED);
        return result;
    }

    private Tracker openTracker(RunDirectory directory, PreparedRun run) {
        Map<String, String> environment = System.getenv();
        List<TrackerKind> kinds = Arrays.stream(TrackerKind.values())
                .filter(kind -> ranks.isFirst() && config.run().reportsTo(kind, Trackers.isNamed(kind, environment)))
                .toList();
        TrackedRun tracked = new TrackedRun(
                directory.path(),
                SavedConfig.read(directory.config()).values(),
                run.firstStep(),
                config.run().resumeFrom().isPresent());
        return Trackers.open(kinds, tracked, environment, listener::message);
    }

    /** The model, with tokenizer and trainer, is the caller's afterwards. */
    private TrainingResult trainInMemory(PreparedRun run, NativeTrainer trainer) {
        ModelSaver saver =
                new ModelSaver(model, new TrainedTensors(model.core(), trainer, ranks, false), config, listener);
        TrainingResult result = new TrainingLoop(
                        config,
                        run,
                        new Scorer(model.core()),
                        Optional.empty(),
                        trainer,
                        new InMemory(trainer),
                        new MetricsLog(),
                        listener,
                        ranks)
                .run();
        List.of(trainer, model, tokenizer).forEach(resources::release);
        return result.with(new TrainedModel(
                OpenModel.of(model, tokenizer),
                model.adapter().isPresent(),
                directory -> saver.save(directory, directory)));
    }

    private NativeTrainer createTrainer() {
        if (!ranks.areSeveral()) {
            return NativeTrainer.create(model.core(), optimizerSettings());
        }
        RankOptions options = config.ranks();
        Sharding.Reduce reduce = options.reducesEveryMicroBatch() ? Sharding.Reduce.MICRO_BATCH : Sharding.Reduce.STEP;
        return NativeTrainer.create(
                model.core(),
                optimizerSettings(),
                new Sharding(
                        ranks.backend(ChosenDevice.of(config.model().device()).device()),
                        options.zeroStage(),
                        reduce,
                        options.reduceType(),
                        options.overlaps(),
                        options.bucketBytes()));
    }

    /** What of the loss a reader may not expect. */
    private void tellForm() {
        if (config.loss().ignoresRejected()) {
            listener.message(
                    "loss_type mmpo with mmpo_aux_weight 1: the loss is -s_w exactly, so only the chosen response is"
                            + " trained on; the rejected one and the reference are for the metrics alone, and scored for the"
                            + " steps that are logged: a line's loss is that of its step (docs/losses.md)");
        }
        if (config.loss().isSummedSimpo()) {
            listener.message(
                    "loss_type simpo with length_normalize: false: log-probabilities are sums, the form that the MMPO"
                            + " paper compares with; SimPO's authors and TRL divide them by the completion's length (docs/losses.md)");
        }
    }

    private TrainingResult untrained(Optional<RunCheckpoint> from) {
        return new TrainingResult(
                from.map(RunCheckpoint::path),
                from.map(point -> point.state().globalStep()).orElse(0),
                Optional.empty(),
                Optional.empty());
    }

    private void resume(RunCheckpoint point, Checkpoints checkpoints) {
        checkpoints.restore(point);
        listener.message("going on from " + point.path() + ", after step "
                + point.state().globalStep());
    }

    private OptimizerSettings optimizerSettings() {
        OptimizerOptions optimizer = config.optimizer();
        ModelOptions options = config.model();
        return new OptimizerSettings(
                optimizer.type(),
                optimizer.beta1(),
                optimizer.beta2(),
                optimizer.epsilon(),
                optimizer.weightDecay(),
                options.recompute(),
                options.trainedType() == WeightType.FLOAT32);
    }

    @Override
    public void close() {
        resources.close();
    }
}
