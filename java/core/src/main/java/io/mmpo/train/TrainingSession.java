package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.config.ModelOptions;
import io.mmpo.config.OptimizerOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.TokenizedGroup;
import io.mmpo.model.AtomicDirectory;
import io.mmpo.model.ModelSource;
import io.mmpo.model.PretrainedModel;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.nativelib.OptimizerSettings;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** Everything that a run holds open: tokenizer, rows, model, optimizer state. */
final class TrainingSession implements AutoCloseable {
    /** Nats by which a token's log-probability may differ between two batches that it is computed in. */
    private static final double FLOAT32_TOLERANCE = 1e-3;

    private static final double BFLOAT16_TOLERANCE = 0.05;

    private final TrainingConfig config;
    private final ProgressListener listener;
    private final Resources resources;
    private final ModelSource source;
    private final TokenizedDataset trainingRows;
    private final Optional<TokenizedDataset> evaluationRows;
    private final PretrainedModel model;

    private TrainingSession(TrainingConfig config, ProgressListener listener, Resources resources) {
        this.config = config;
        this.listener = listener;
        this.resources = resources;
        source = ModelSources.of(config.model().model(), config.model().revision(), listener::message);
        LazyTokenizer tokenizer = resources.keep(
                new LazyTokenizer(source.tokenizerDirectory(), config.model().chatTemplate()));
        TrainingRows rows = new TrainingRows(config, source.tokenizerDirectory(), tokenizer, listener::message);
        trainingRows = resources.keep(rows.openTraining());
        evaluationRows = rows.openEvaluation();
        evaluationRows.ifPresent(resources::keep);
        model = resources.keep(PolicyModel.load(source, config, listener));
    }

    /** Rows are opened first, so that they are tokenized while the weights are read. */
    static TrainingSession open(TrainingConfig config, ProgressListener listener) {
        if (config.run().resumeFrom().isEmpty()) {
            RunDirectory.requireUnused(config.run().outputDir());
        }
        Resources resources = new Resources();
        try {
            TrainingSession session = new TrainingSession(config, listener, resources);
            long vocabularySize = session.model.config().shape().vocabSize();
            session.check(session.trainingRows, "training", vocabularySize);
            session.evaluationRows.ifPresent(rows -> session.check(rows, "evaluation", vocabularySize));
            return session;
        } catch (RuntimeException | Error e) {
            resources.close();
            throw e;
        }
    }

    /** Looks at every row once, so that nothing is written before the data is known to fit the model. */
    private void check(TokenizedDataset rows, String purpose, long vocabularySize) {
        for (int i = 0; i < rows.size(); i++) {
            TokenizedGroup group = rows.get(i);
            requireVocabulary(group.prompt(), group.row(), purpose, vocabularySize);
            for (int[] completion : group.completions()) {
                requireVocabulary(completion, group.row(), purpose, vocabularySize);
            }
        }
        String origin = rows.rowsTokenized() == 0 ? "; all from the cache, none tokenized" : "";
        listener.message(purpose + " rows: " + rows.summary() + origin);
        listener.tokenized(purpose, rows.rowsTokenized());
    }

    private void requireVocabulary(int[] ids, int row, String purpose, long vocabularySize) {
        for (int id : ids) {
            if (id < 0 || id >= vocabularySize) {
                throw MmpoException.data(
                        "Row %d of the %s data has the token id %d, and the model %s has %d tokens; use the tokenizer that belongs to the"
                                + " model",
                        row + 1, purpose, id, config.model().model(), vocabularySize);
            }
        }
    }

    TrainingResult train(IntFunction<RowOrder> orderOf) {
        Optional<int[][]> packs = config.data().packing()
                ? Optional.of(Packing.of(trainingRows, config.data().maxLength().orElseThrow(), listener))
                : Optional.empty();
        int numUnits = packs.map(sequences -> sequences.length).orElseGet(trainingRows::size);
        StepPlan plan = StepPlan.of(config, numUnits);
        RowOrder order = orderOf.apply(numUnits);
        String dataFingerprint = DataFingerprint.of(trainingRows);
        // What a killed run left half-written goes; a checkpoint that it was about to replace comes back before it is
        // looked for.
        AtomicDirectory.removeLeftovers(config.run().outputDir());
        Optional<ResumePoint> resumePoint = resumePoint(plan, dataFingerprint);
        RunDirectory directory = RunDirectory.create(config.run().outputDir());
        directory.writeConfig(config);
        if (config.loss().ignoresRejected()) {
            listener.message(
                    "loss_type mmpo with mmpo_aux_weight 1: the loss is -s_w exactly, so only the chosen response is"
                            + " trained on and the rejected one is scored for the metrics alone (docs/losses.md)");
        }
        ScoredRows rows = scoreReference(plan.visitedRows(order));
        if (listener.stopRequested()) {
            return resumePoint
                    .map(point ->
                            new TrainingResult(point.checkpoint(), point.state().globalStep(), true, Map.of()))
                    .orElse(new TrainingResult(directory.path(), 0, true, Map.of()));
        }
        NativeTrainer trainer = resources.keep(NativeTrainer.create(model.core(), optimizerSettings()));
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
                        rows.referenceSeconds());
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

    /** referenceSeconds: what the reference pass took, without loading a model of its own. */
    private record ScoredRows(RowSet training, Optional<RowSet> evaluation, double referenceSeconds) {}

    /** By the policy as it is before training, or by a model of its own; of the training rows only those that are visited. */
    private ScoredRows scoreReference(int[] visited) {
        if (!config.loss().needsReference()) {
            return new ScoredRows(
                    new RowSet(trainingRows, null), evaluationRows.map(rows -> new RowSet(rows, null)), 0);
        }
        Optional<Path> other = config.model().referenceModel();
        if (other.isEmpty()) {
            return scoreReference(model.core(), source, visited);
        }
        ModelSource named = ModelSources.of(other.get(), Optional.empty(), listener::message);
        try (PretrainedModel reference = PolicyModel.loadReference(named, config)) {
            return scoreReference(reference.core(), named, visited);
        }
    }

    private ScoredRows scoreReference(NativeModel reference, ModelSource from, int[] visited) {
        long start = System.nanoTime();
        RowSet training =
                score(reference, from, trainingRows, visited, config.batches().referenceBatchSize());
        Optional<RowSet> evaluation = evaluationRows.map(rows -> {
            int[] all = IntStream.range(0, rows.size()).toArray();
            return score(reference, from, rows, all, config.batches().evalBatchSize());
        });
        return new ScoredRows(training, evaluation, (System.nanoTime() - start) * 1e-9);
    }

    private RowSet score(NativeModel reference, ModelSource from, TokenizedDataset rows, int[] indices, int batchSize) {
        boolean bf16 = config.model().bf16();
        Optional<Path> cacheDirectory = CacheDirectory.of(config.data().cache(), System.getenv());
        ReferenceCache cache =
                ReferenceCache.of(cacheDirectory, from.directories(), bf16 ? "bfloat16" : "float32", rows);
        ReferenceScorer scorer =
                new ReferenceScorer(reference, rows, cache, bf16 ? BFLOAT16_TOLERANCE : FLOAT32_TOLERANCE, listener);
        return new RowSet(rows, scorer.score(indices, batchSize));
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
                options.recompute());
    }

    @Override
    public void close() {
        resources.close();
    }
}
