package io.mmpo.train;

import io.mmpo.config.TrainingConfig;
import io.mmpo.dist.Ranks;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.infer.LongRows;
import io.mmpo.model.ModelSource;
import io.mmpo.model.PretrainedModel;
import io.mmpo.run.RunCheckpoint;
import io.mmpo.run.RunDirectory;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * What comes before the first step: the rows are read, the steps planned, the checkpoint found that the run goes on from, the directory
 * made, and the references computed.
 */
final class Preparation {
    /** Between two questions whether to stop. */
    private static final int LISTENER_MILLIS = 200;

    private final TrainingConfig config;
    private final boolean leavesFiles;
    private final ProgressListener listener;
    private final PretrainedModel model;
    private final CheckedRows trainingRows;
    private final Optional<CheckedRows> evaluationRows;
    private final ReferencePass references;
    private final Ranks ranks;
    private final RowTurns turns;
    private Optional<RunCheckpoint> from = Optional.empty();

    Preparation(
            TrainingConfig config,
            boolean leavesFiles,
            ProgressListener listener,
            ModelSource source,
            PretrainedModel model,
            CheckedRows trainingRows,
            Optional<CheckedRows> evaluationRows,
            Ranks ranks,
            RowTurns turns) {
        this.config = config;
        this.leavesFiles = leavesFiles;
        this.listener = listener;
        this.model = model;
        this.trainingRows = trainingRows;
        this.evaluationRows = evaluationRows;
        this.ranks = ranks;
        this.turns = turns;
        this.references = new ReferencePass(config, listener, source, model.core(), ranks);
    }

    /** Empty where the listener asked to stop. orderOf: the order of a data set of so many rows. */
    Optional<PreparedRun> run(IntFunction<RowOrder> orderOf) {
        Optional<ReferencePass.Scored> early = scoreWhileTokenizing();
        boolean isAskedToStop = listener.stopRequested()
                || !awaitRows(trainingRows)
                || !evaluationRows.map(this::awaitRows).orElse(true);
        if (turns.stops(isAskedToStop)) {
            return Optional.empty();
        }
        String dataFingerprint = readEveryRow();
        Optional<int[][]> packs = config.data().packing()
                ? Optional.of(Packing.of(trainingRows, config.data().maxLength().orElseThrow(), listener))
                : Optional.empty();
        int numUnits = packs.map(sequences -> sequences.length).orElseGet(trainingRows::size);
        StepPlan plan = StepPlan.of(config, numUnits, ranks.size());
        RowOrder order = orderOf.apply(numUnits);
        if (leavesFiles) {
            makeDirectory(plan, dataFingerprint);
        }
        ReferencePass.Scored rows = early.orElseGet(() ->
                references.run(trainingRows, VisitedRows.of(trainingRows, comparedRows(plan, order)), evaluationRows));
        if (ranks.any(listener.stopRequested(), "the end of the reference pass")) {
            return Optional.empty();
        }
        RowSet training =
                packs.map(sequences -> RowSet.packed(trainingRows, sequences)).orElseGet(rows::training);
        return Optional.of(
                new PreparedRun(plan, order, dataFingerprint, training, rows.evaluation(), rows.seconds(), from));
    }

    /** Empty before it was looked for. */
    Optional<RunCheckpoint> from() {
        return from;
    }

    /** And finds the checkpoint in it, since a directory that does not fit the run is to stay as it is. */
    private void makeDirectory(StepPlan plan, String dataFingerprint) {
        // What a killed run left half-written goes; a checkpoint that it was about to replace comes back before it is
        // looked for.
        if (ranks.isFirst()) {
            AtomicDirectory.removeLeftovers(config.run().outputDir());
        }
        ranks.await("the tidying of output_dir");
        from = config.run()
                .resumeFrom()
                .flatMap(name ->
                        RunCheckpoint.find(name, new RunDirectory(config.run().outputDir()), listener::message));
        from.ifPresent(found -> found.requireSameRun(
                config, plan.numRows(), dataFingerprint, plan.microBatchSize(), plan.totalSteps(), listener::message));
        if (!ranks.isFirst()) {
            return;
        }
        RunDirectory directory = RunDirectory.create(config.run().outputDir());
        int firstStep = from.map(point -> point.state().globalStep()).orElse(0);
        DiskSpace.of(config, plan, firstStep, model).requireIn(directory);
        directory.writeConfig(config);
    }

    /**
     * The order of the rows and the number of steps are functions of how many rows are kept, so training waits for the last one; the
     * reference pass need not. Empty where which rows it visits depends on that number too (a run within an epoch, or one that
     * compares only the steps that it logs), where a resumed run has yet to be told from another one, and where the loss needs no
     * references. Nor where a row may turn out to be longer than the model computes, nor where ranks take turns.
     */
    private Optional<ReferencePass.Scored> scoreWhileTokenizing() {
        boolean possible = !ranks.areSeveral()
                && config.loss().needsReference()
                && StepPlan.visitsEveryRow(config)
                && Intervals.comparesInEveryStep(config)
                && config.run().resumeFrom().isEmpty()
                && !mayExceedTheModel();
        return possible
                ? Optional.of(references.run(trainingRows, VisitedRows.all(trainingRows), evaluationRows))
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
}
