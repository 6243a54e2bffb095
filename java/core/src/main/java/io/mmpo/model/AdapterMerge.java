package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.files.JsonFile;
import io.mmpo.nativelib.PackedBatch;
import io.mmpo.nativelib.RoundingLoss;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.WeightType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;

/**
 * A model with an adapter's product added to its weights: W + scaling B A, summed in 32 bits and rounded once to the type that is
 * written. The model's files keep their names and tensors, whatever shards there are, and their types unless another is asked for; what
 * the adapter holds whole takes its place among them, a vocabulary of another size too.
 * Before the result gets its name it is compared, as it was written, with model and adapter on a fixed probe, in 32-bit arithmetic.
 */
public final class AdapterMerge {
    private static final int PROBE_TEXTS = 4;
    private static final int PROBE_PROMPT = 8;
    private static final int PROBE_COMPLETION = 56;

    private AdapterMerge() {}

    /**
     * @param type of the merged weights
     * @param loss what rounding to it left of the adapter's update
     * @param maxDifference the largest of a token's log-probability on the probe, in nats
     */
    public record Result(
            Path directory,
            int mergedWeights,
            WeightType type,
            RoundingLoss loss,
            double maxDifference,
            double tolerance) {}

    /**
     * The difference that rounding W + scaling B A may make: none but summation order's in 32 bits. Narrower types round every
     * merged weight, by up to 2^-11 (float16) and 2^-8 (bfloat16) of it, as often up as down.
     */
    public static double defaultTolerance(WeightType type) {
        return switch (type) {
            case FLOAT32 -> 1e-4;
            case FLOAT16 -> 0.05;
            case BFLOAT16 -> 0.5;
        };
    }

    /** How the merged weights are written: type, each weight's own where absent; tolerance in nats, {@link #defaultTolerance} where absent. */
    public record Options(Optional<WeightType> type, boolean stochastic, long seed, OptionalDouble tolerance) {
        public static final Options DEFAULT = new Options(Optional.empty(), false, 0, OptionalDouble.empty());
    }

    /** source: with an adapter. target must not exist. Nothing is left where the comparison fails. */
    public static Result run(ModelSource source, Path target, Options options) {
        if (Files.exists(target)) {
            throw MmpoException.configuration("%s exists already; give --output a directory that does not", target);
        }
        try (ModelFiles base = ModelFiles.open(source.base());
                AdapterFiles delta = AdapterFiles.open(source.adapter().orElseThrow());
                AtomicDirectory directory = AtomicDirectory.create(target)) {
            WeightType type = options.type()
                    .orElseGet(() -> WeightType.ofDtype(base.dtype()).orElseThrow());
            double limit = options.tolerance().orElse(defaultTolerance(type));
            float[][] expected = probe(source); // first: it says what does not fit
            MergedWeights weights = new MergedWeights(base, delta);
            Merging merging = new Merging(options);
            int merged = merging.write(directory.path(), base, weights);
            copyTheRest(directory.path(), source, type, weights);
            double difference =
                    largestDifference(expected, probe(new ModelSource(directory.path(), "", Optional.empty())));
            if (!(difference <= limit)) {
                throw MmpoException.of(
                        MmpoException.Kind.ENVIRONMENT,
                        null,
                        "The merged model is not what the model with its adapter is: on the probe a token's log-probability differs by %.3g"
                                + " nats, more than the %.3g that rounding to %s may explain; nothing was written. Merge with --dtype float32,"
                                + " or give a --tolerance.",
                        difference,
                        limit,
                        type);
            }
            directory.commit();
            return new Result(target, merged, type, merging.loss(), difference, limit);
        }
    }

    private static void copyTheRest(Path directory, ModelSource source, WeightType type, MergedWeights merged) {
        Path config = source.base().resolve(ModelConfig.FILE);
        boolean says = JsonObject.read(config)
                .text("dtype")
                .or(() -> JsonObject.read(config).text("torch_dtype"))
                .filter(type.key()::equals)
                .isPresent();
        if (says && merged.hasShapeOf(JsonFile.read(config))) {
            PretrainedWriter.copy(config, directory.resolve(ModelConfig.FILE));
        } else {
            PretrainedWriter.writeConfig(directory, source.base(), type.dtype(), merged::describe);
        }
        PretrainedWriter.copy(
                source.base().resolve(ModelConfig.GENERATION_FILE), directory.resolve(ModelConfig.GENERATION_FILE));
        PretrainedWriter.copyTokenizer(directory, source.tokenizerDirectory());
    }

    /** Log-probabilities of tokens that are drawn the same way every time. */
    private static float[][] probe(ModelSource source) {
        try (PretrainedModel model = PretrainedModel.loadFrozen(source, ComputeType.FLOAT32, Device.CPU)) {
            long vocabulary = model.config().shape().vocabSize();
            Random random = new Random(20251022);
            List<int[]> prompts = new ArrayList<>();
            List<int[][]> completions = new ArrayList<>();
            for (int i = 0; i < PROBE_TEXTS; i++) {
                prompts.add(tokens(random, PROBE_PROMPT, vocabulary));
                completions.add(new int[][] {tokens(random, PROBE_COMPLETION, vocabulary)});
            }
            return model.core().tokenLogps(PackedBatch.of(prompts, completions));
        }
    }

    private static int[] tokens(Random random, int count, long vocabulary) {
        return random.ints(count, 0, Math.toIntExact(vocabulary)).toArray();
    }

    private static double largestDifference(float[][] a, float[][] b) {
        double largest = 0;
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < a[i].length; j++) {
                double difference = Math.abs((double) a[i][j] - b[i][j]);
                largest = difference <= largest ? largest : difference; // NaN stays
            }
        }
        return largest;
    }
}
