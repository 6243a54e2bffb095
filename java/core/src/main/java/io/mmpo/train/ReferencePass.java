package io.mmpo.train;

import io.mmpo.config.TrainingConfig;
import io.mmpo.dist.Ranks;
import io.mmpo.infer.ModelSources;
import io.mmpo.infer.Scorer;
import io.mmpo.model.ModelSource;
import io.mmpo.model.PretrainedModel;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.spec.ComputeType;
import java.nio.file.Path;
import java.util.Optional;

/** Gives rows their reference log-probabilities: by the policy as it is before training, or by a model of its own. */
final class ReferencePass {
    /** Nats by which a token's log-probability may differ between two batches that it is computed in. */
    private static final double FLOAT32_TOLERANCE = 1e-3;

    private static final double BFLOAT16_TOLERANCE = 0.05;

    /** A last bit of bfloat16 may decide to which of two numbers of e4m3 the next product's input is rounded. */
    private static final double FP8_TOLERANCE = 0.5;

    private final TrainingConfig config;
    private final ProgressListener listener;
    private final ModelSource policySource;
    private final NativeModel policy;
    private final Ranks ranks;

    ReferencePass(
            TrainingConfig config,
            ProgressListener listener,
            ModelSource policySource,
            NativeModel policy,
            Ranks ranks) {
        this.config = config;
        this.ranks = ranks;
        this.listener = listener;
        this.policySource = policySource;
        this.policy = policy;
    }

    /** seconds: what it took, without loading a model of its own. */
    record Scored(RowSet training, Optional<RowSet> evaluation, double seconds) {}

    /** Of the training rows the visited ones; nothing is computed where the loss needs no reference. */
    Scored run(CheckedRows training, VisitedRows visited, Optional<CheckedRows> evaluation) {
        if (!config.loss().needsReference()) {
            return new Scored(new RowSet(training, null), evaluation.map(rows -> new RowSet(rows, null)), 0);
        }
        Optional<Path> other = config.model().referenceModel();
        if (other.isEmpty()) {
            return run(policy, policySource, training, visited, evaluation);
        }
        ModelSource named = ModelSources.of(other.get(), Optional.empty(), listener::message);
        try (PretrainedModel reference = PolicyModel.loadReference(named, config)) {
            return run(reference.core(), named, training, visited, evaluation);
        }
    }

    private Scored run(
            NativeModel model,
            ModelSource source,
            CheckedRows training,
            VisitedRows visited,
            Optional<CheckedRows> evaluation) {
        long start = System.nanoTime();
        RowSet scored = score(model, source, training, visited, config.batches().referenceBatchSize());
        Optional<RowSet> evaluated = evaluation.map(rows -> score(
                model, source, rows, VisitedRows.all(rows), config.batches().evalBatchSize()));
        return new Scored(scored, evaluated, (System.nanoTime() - start) * 1e-9);
    }

    private RowSet score(NativeModel model, ModelSource source, CheckedRows rows, VisitedRows visited, int batchSize) {
        ComputeType type = config.model().computeType();
        Optional<Path> cacheDirectory = CacheDirectory.of(config.data().cache(), System.getenv());
        double ldAlpha = config.loss().ldAlpha();
        ReferenceCache cache = ReferenceCache.of(cacheDirectory, source.directories(), type.words(), ldAlpha, rows);
        double tolerance = switch (type) {
            case FLOAT32, FLOAT32_OVER_BFLOAT16 -> FLOAT32_TOLERANCE;
            case BFLOAT16 -> BFLOAT16_TOLERANCE;
            case BFLOAT16_OVER_FP8 -> FP8_TOLERANCE;
        };
        ReferenceScorer scorer =
                new ReferenceScorer(new Scorer(model), ldAlpha, rows, cache, tolerance, listener, ranks);
        return new RowSet(rows, scorer.score(visited, batchSize));
    }
}
