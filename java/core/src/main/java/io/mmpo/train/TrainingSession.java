package io.mmpo.train;

import io.mmpo.config.ModelOptions;
import io.mmpo.config.OptimizerOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.infer.LazyTokenizer;
import io.mmpo.infer.LongRows;
import io.mmpo.infer.ModelSources;
import io.mmpo.model.ModelSource;
import io.mmpo.model.PretrainedModel;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.spec.OptimizerSettings;
import io.mmpo.spec.WeightType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** Everything that a run holds open: tokenizer, rows, model, optimizer state. */
final class TrainingSession implements AutoCloseable {
    /** Between two questions whether to stop. */
    private static final int LISTENER_MILLIS = 200;

    private final TrainingConfig config;
    private final ProgressListener listener;
    private final Resources resources;
    private final ModelSource source;
    private final CheckedRows trainingRows;
    private final Optional<CheckedRows> evaluationRows;
    private final PretrainedModel model;

    private TrainingSession(
            TrainingConfig config,
            ProgressListener listener,
            UnaryOperator<Supplier<Tokenizer>> onTokenizer,
            Resources resources) {
        this.config = config;
        this.listener = listener;
        this.resources = resources;
        source = ModelSources.of(config.model().model(), config.model().revision(), listener::message);
        LazyTokenizer tokenizer = resources.keep(
                new LazyTokenizer(source.tokenizerDirectory(), config.model().chatTemplate()));
        TrainingRows rows =
                new TrainingRows(config, source.tokenizerDirectory(), onTokenizer.apply(tokenizer), listener::message);
        TokenizedDataset training = resources.keep(rows.openTraining());
        Optional<TokenizedDataset> evaluation = rows.openEvaluation();
        evaluation.ifPresent(resources::keep);
        model = resources.keep(PolicyModel.load(source, config, listener));
        trainingRows = checked(training, "training");
        evaluationRows = evaluation.map(data -> checked(data, "evaluation"));
    }

    private CheckedRows checked(TokenizedDataset rows, String purpose) {
        return new CheckedRows(rows, purpose, config.model().model().toString(), model.config());
    }

    /** Rows are opened first, so that they are tokenized while the weights are read. */
    static TrainingSession open(TrainingConfig config, ProgressListener listener) {
        return open(config, listener, UnaryOperator.identity());
    }

    /** onTokenizer: what tokenizing threads ask for the tokenizer. */
    static TrainingSession open(
            TrainingConfig config, ProgressListener listener, UnaryOperator<Supplier<Tokenizer>> onTokenizer) {
        RunDirectory.requireWritable(config.run().outputDir());
        Resources resources = new Resources();
        try {
            resources.keep(RunDirectory.lock(config.run().outputDir(), listener));
            if (config.run().resumeFrom().isEmpty()) {
                RunDirectory.requireUnused(config.run().outputDir());
            }
            return new TrainingSession(config, listener, onTokenizer, resources);
        } catch (RuntimeException | Error e) {
            resources.close();
            throw e;
        }
    }

    TrainingResult train(IntFunction<RowOrder> orderOf) {
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
        ReferencePass pass = new ReferencePass(config, listener, source, model.core());
        Optional<ReferencePass.Scored> early = scoreWhileTokenizing(pass);
        if (listener.stopRequested()) {
            return untrained(Optional.empty());
        }
        if (!awaitRows(trainingRows) || !evaluationRows.map(this::awaitRows).orElse(true)) {
            return untrained(Optional.empty());
        }
        String dataFingerprint = readEveryRow();
        Optional<int[][]> packs = config.data().packing()
                ? Optional.of(Packing.of(trainingRows, config.data().maxLength().orElseThrow(), listener))
                : Optional.empty();
        int numUnits = packs.map(sequences -> sequences.length).orElseGet(trainingRows::size);
        StepPlan plan = StepPlan.of(config, numUnits);
        RowOrder order = orderOf.apply(numUnits);
        // What a killed run left half-written goes; a checkpoint that it was about to replace comes back before it is
        // looked for.
        AtomicDirectory.removeLeftovers(config.run().outputDir());
        Optional<ResumePoint> resumePoint = resumePoint(plan, dataFingerprint);
        RunDirectory directory = RunDirectory.create(config.run().outputDir());
        DiskSpace.of(
                        config,
                        plan,
                        resumePoint.map(point -> point.state().globalStep()).orElse(0),
                        model)
                .requireIn(directory);
        directory.writeConfig(config);
        ReferencePass.Scored rows = early.orElseGet(
                () -> pass.run(trainingRows, VisitedRows.of(trainingRows, comparedRows(plan, order)), evaluationRows));
        if (listener.stopRequested()) {
            return untrained(resumePoint);
        }
        NativeTrainer trainer = resources.keep(NativeTrainer.create(model.core(), optimizerSettings()));
        if (resumePoint.isEmpty()) {
            PolicyModel.loadMasters(model, trainer, config);
        }
        Checkpoints checkpoints = new Checkpoints(directory, config, model, trainer, listener);
        MetricsLog log = new MetricsLog(directory.path());
        if (config.run().resumeFrom().isPresent()) {
            log.restore(resumePoint.map(point -> point.state().logHistory()).orElse(List.of()));
        }
        resumePoint.ifPresent(point -> resume(point, checkpoints));
        Optional<Evaluator> evaluator = rows.evaluation()
                .map(data -> new Evaluator(config.loss(), data, config.batches().evalBatchSize()));
        return new TrainingLoop(
                        config, plan, dataFingerprint, model.core(), trainer, evaluator, checkpoints, log, listener)
                .run(
                        packs.map(sequences -> RowSet.packed(trainingRows, sequences))
                                .orElseGet(rows::training),
                        order,
                        resumePoint.map(ResumePoint::state),
                        rows.seconds());
    }

    /**
     * The order of the rows and the number of steps are functions of how many rows are kept, so training waits for the last one; the
     * reference pass need not. Empty where which rows it visits depends on that number too (a run within an epoch, or one that
     * compares only the steps that it logs), where a resumed run has yet to be told from another one, and where the loss needs no
     * references. Nor where a row may turn out to be longer than the model computes.
     */
    private Optional<ReferencePass.Scored> scoreWhileTokenizing(ReferencePass pass) {
        boolean possible = config.loss().needsReference()
                && StepPlan.visitsEveryRow(config)
                && Intervals.comparesInEveryStep(config)
                && config.run().resumeFrom().isEmpty()
                && !mayExceedTheModel();
        return possible
                ? Optional.of(pass.run(trainingRows, VisitedRows.all(trainingRows), evaluationRows))
                : Optional.empty();
    }

    /** Then every row is looked at before the first is computed. */
    private boolean mayExceedTheModel() {
        int longest = config.data().maxLength().orElse(Integer.MAX_VALUE);
        return model.config()
                .rowLimit()
                .filter(limit -> longest > limit.tokens())
                .isPresent();
    }

    private int[] comparedRows(StepPlan plan, RowOrder order) {
        Intervals intervals = new Intervals(config.run(), plan);
        return plan.rowsOf(step -> intervals.comparesPairs(config.loss(), step), order);
    }

    /** Tells how far reading is; false where the listener asked to stop. */
    private boolean awaitRows(CheckedRows rows) {
        while (!rows.awaitEnd(LISTENER_MILLIS)) {
            listener.reading(rows.purpose(), rows.reading());
            if (listener.stopRequested()) {
                return false;
            }
        }
        return true;
    }

    /** So that nothing is written before the data is known to fit the model. Returns the training rows' fingerprint. */
    private String readEveryRow() {
        LongRows longTraining = longRows();
        String fingerprint = DataFingerprint.of(trainingRows, longTraining);
        tell(trainingRows, longTraining, "trained on");
        evaluationRows.ifPresent(rows -> {
            LongRows longEvaluation = longRows();
            IntStream.range(0, rows.size()).mapToObj(rows::get).forEach(longEvaluation);
            tell(rows, longEvaluation, "evaluated");
        });
        return fingerprint;
    }

    private LongRows longRows() {
        return new LongRows(model.config().shape().maxPositions());
    }

    private void tell(CheckedRows rows, LongRows longRows, String done) {
        String origin = rows.rowsTokenized() == 0 ? "; all from the cache, none tokenized" : "";
        listener.message(rows.purpose() + " rows: " + rows.summary() + origin);
        listener.tokenized(rows.purpose(), rows.rowsTokenized());
        longRows.message(done).ifPresent(line -> listener.message(rows.purpose() + " rows: " + line));
    }

    private TrainingResult untrained(Optional<ResumePoint> from) {
        return from.map(point ->
                        new TrainingResult(point.checkpoint(), point.state().globalStep(), true, Map.of()))
                .orElse(new TrainingResult(config.run().outputDir(), 0, true, Map.of()));
    }

    private Optional<ResumePoint> resumePoint(StepPlan plan, String dataFingerprint) {
        Optional<ResumePoint> point = config.run()
                .resumeFrom()
                .flatMap(from ->
                        ResumePoint.find(from, new RunDirectory(config.run().outputDir()), listener));
        point.ifPresent(found -> found.requireSameRun(config, plan, dataFingerprint, listener));
        return point;
    }

    private void resume(ResumePoint point, Checkpoints checkpoints) {
        checkpoints.restore(point.checkpoint(), point.state());
        listener.message("going on from " + point.checkpoint() + ", after step "
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
