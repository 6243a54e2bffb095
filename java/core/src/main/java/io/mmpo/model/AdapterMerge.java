package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.nativelib.ComputeType;
import io.mmpo.nativelib.LoraMerge;
import io.mmpo.nativelib.PackedBatch;
import io.mmpo.nativelib.Weights;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/**
 * A model with an adapter's product added to its weights: W + scaling B A, summed in 32 bits and rounded once to the weight's
 * type. The model's files keep their names, tensors and types, whatever shards there are. Before the result gets its name it is
 * compared with model and adapter on a fixed probe, in 32-bit arithmetic.
 */
public final class AdapterMerge {
    private static final String PREFIX = "base_model.model.";
    private static final int PROBE_TEXTS = 4;
    private static final int PROBE_PROMPT = 8;
    private static final int PROBE_COMPLETION = 56;

    private AdapterMerge() {}

    /** maxDifference: the largest of a token's log-probability on the probe, in nats. */
    public record Result(Path directory, int mergedWeights, double maxDifference, double tolerance) {}

    /**
     * The difference that rounding W + scaling B A may make: none but summation order's in 32 bits. Narrower types round every
     * merged weight, by up to 2^-11 (float16) and 2^-8 (bfloat16) of it, as often up as down.
     */
    public static double defaultTolerance(String dtype) {
        return switch (dtype) {
            case "F32" -> 1e-4;
            case "F16" -> 0.05;
            default -> 0.5;
        };
    }

    /** source: with an adapter. target must not exist. tolerance: nats; NaN for {@link #defaultTolerance}. Nothing is left where the comparison fails. */
    public static Result run(ModelSource source, Path target, double tolerance) {
        if (Files.exists(target)) {
            throw MmpoException.configuration("%s exists already; give --output a directory that does not", target);
        }
        try (ModelFiles base = ModelFiles.open(source.base());
                AdapterFiles delta = AdapterFiles.open(source.adapter().orElseThrow());
                AtomicDirectory directory = AtomicDirectory.create(target)) {
            double limit = Double.isNaN(tolerance)
                    ? defaultTolerance(base.weights().getFirst().dtype())
                    : tolerance;
            float[][] expected = probe(source); // first: it says what does not fit
            int merged = write(directory.path(), base, delta);
            copyTheRest(directory.path(), source);
            double difference =
                    largestDifference(expected, probe(new ModelSource(directory.path(), "", Optional.empty())));
            if (!(difference <= limit)) {
                throw MmpoException.of(
                        MmpoException.Kind.ENVIRONMENT,
                        null,
                        "The merged model is not what the model with its adapter is: on the probe a token's log-probability differs by %.3g"
                                + " nats, more than the %.3g that rounding to %s may explain; nothing was written. Merge into a model stored"
                                + " in float32, or give a --tolerance.",
                        difference,
                        limit,
                        base.weights().getFirst().dtype());
            }
            directory.commit();
            return new Result(target, merged, difference, limit);
        }
    }

    private static int write(Path directory, ModelFiles base, AdapterFiles adapter) {
        Map<String, Weights> factors = new HashMap<>();
        adapter.weights().forEach(tensor -> factors.put(tensor.name(), tensor));
        double scaling = adapter.config().settings(0).scaling();
        int merged = 0;
        for (Path file : base.weightFiles()) {
            // One file's merged tensors at a time.
            try (SafetensorsReader reader = SafetensorsReader.open(file);
                    Arena memory = Arena.ofConfined()) {
                List<Weights> tensors = new ArrayList<>();
                for (SafetensorsReader.Tensor tensor : reader.tensors()) {
                    Weights weight = tensor.toWeights();
                    String module = PREFIX + withoutSuffix(tensor.name(), ".weight");
                    Weights a = factors.get(module + ".lora_A.weight");
                    Weights b = factors.get(module + ".lora_B.weight");
                    if (a != null && b != null) {
                        tensors.add(LoraMerge.merge(weight, a, b, scaling, memory));
                        merged++;
                    } else {
                        tensors.add(weight);
                    }
                }
                SafetensorsWriter.writeFile(directory.resolve(file.getFileName()), tensors, reader.metadata());
            }
        }
        long expected =
                base.config().shape().numLayers() * adapter.config().targets().size();
        if (merged != expected) {
            throw new IllegalStateException(merged + " weights were merged, and the adapter has " + expected);
        }
        return merged;
    }

    private static void copyTheRest(Path directory, ModelSource source) {
        for (String name : List.of(ModelConfig.FILE, ModelConfig.GENERATION_FILE, SafetensorsIndex.FILE)) {
            PretrainedWriter.copy(source.base().resolve(name), directory.resolve(name));
        }
        PretrainedWriter.copyTokenizer(directory, source.tokenizerDirectory());
    }

    private static String withoutSuffix(String name, String suffix) {
        return name.endsWith(suffix) ? name.substring(0, name.length() - suffix.length()) : name;
    }

    /** Log-probabilities of tokens that are drawn the same way every time. */
    private static float[][] probe(ModelSource source) {
        try (PretrainedModel model = PretrainedModel.load(source, ComputeType.FLOAT32, 0)) {
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
