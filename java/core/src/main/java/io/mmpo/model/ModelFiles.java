package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.NativeException;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.ModelShape;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A model directory of Hugging Face's layout: config.json, and weights in model.safetensors or in shards with an index. Which
 * tensor is which parameter is decided as transformers decides it, and what is odd about the files is said in {@link #notes}.
 * Weights are read when they are asked for, until {@link #close}.
 */
public final class ModelFiles implements WeightFiles {
    static final String WEIGHTS_FILE = "model.safetensors";

    private final Path directory;
    private final ModelConfig config;
    private final List<SafetensorsReader> readers;
    private final Map<String, Checkpoint.Parameter> parameters;
    private final List<String> notes;
    private final Arena arena = Arena.ofShared();
    private @Nullable List<Tensor> weights;

    private ModelFiles(Path directory, ModelConfig config, Checkpoint checkpoint) {
        this.directory = directory;
        this.config = checkpoint.tied() == config.shape().tieEmbeddings() ? config : config.untied();
        this.readers = checkpoint.readers();
        this.parameters = checkpoint.parameters();
        this.notes = Stream.concat(config.notes().stream(), checkpoint.notes().stream())
                .toList();
    }

    public static ModelFiles open(Path directory) {
        ModelConfig config = ModelConfig.read(directory);
        return new ModelFiles(directory, config, Checkpoint.open(directory, config.shape()));
    }

    /** Of the model that is loaded: a head that is stored apart and differs is not tied, whatever config.json says. */
    public ModelConfig config() {
        return config;
    }

    /** What the files hold that has no effect, or is not what config.json says; a line each. */
    public List<String> notes() {
        return notes;
    }

    @Override
    public List<Checkpoint.Parameter> tensors() {
        return List.copyOf(parameters.values());
    }

    @Override
    public synchronized List<Tensor> weights() {
        if (weights == null) {
            weights = parameters.values().stream()
                    .map(parameter -> parameter.read(arena))
                    .toList();
        }
        return weights;
    }

    /** One parameter's stored tensor, where the files have it. */
    Optional<Checkpoint.Parameter> tensor(String name) {
        return Optional.ofNullable(parameters.get(name));
    }

    /** One parameter, read into memory; it lives until {@link #close}. */
    Optional<Tensor> weight(String name) {
        return tensor(name).map(parameter -> parameter.read(arena));
    }

    /** Safetensors' name of the type that most of the weights are stored in. */
    public String dtype() {
        return parameters.values().stream()
                .max(Comparator.comparingLong(parameter -> parameter.tensor().numBytes()))
                .map(Checkpoint.Parameter::dtype)
                .orElseThrow();
    }

    /** On the CPU. */
    public NativeModel load(ComputeType computeType) {
        return load(computeType, Device.CPU);
    }

    /** Makes a model of the weights, converted to the compute type, on the device; it does not need these files afterwards. */
    public NativeModel load(ComputeType computeType, Device device) {
        if (config.shape().numLayers() > parameters.size()) {
            throw wrongSize(null);
        }
        return made(() -> NativeModel.load(config.shape(), tensors(), computeType, device), computeType, device);
    }

    /** The same of weights that are not all of these files, with the shape that they have. */
    NativeModel load(ModelShape shape, List<Tensor> modelWeights, ComputeType computeType, Device device) {
        if (config.shape().numLayers() > parameters.size()) {
            throw wrongSize(null);
        }
        return made(() -> NativeModel.create(shape, modelWeights, computeType, device), computeType, device);
    }

    private NativeModel made(Supplier<NativeModel> model, ComputeType computeType, Device device) {
        try {
            return model.get();
        } catch (NativeException e) {
            throw switch (e.status()) {
                case INVALID_MODEL ->
                    MmpoException.of(
                            MmpoException.Kind.DATA,
                            e,
                            "%s does not fit %s: %s",
                            fileOf(e),
                            ModelConfig.FILE,
                            e.getMessage());
                case INVALID_ARGUMENT ->
                    MmpoException.of(
                            MmpoException.Kind.DATA, e, "%s: %s", directory.resolve(ModelConfig.FILE), e.getMessage());
                case UNSUPPORTED ->
                    MmpoException.of(
                            MmpoException.Kind.ENVIRONMENT,
                            e,
                            "%s. Leave base_precision (--base-precision) out: then it is computed in bfloat16.",
                            e.getMessage());
                case OUT_OF_MEMORY ->
                    numParameters() > numStoredElements() ? wrongSize(e) : outOfMemory(computeType, device, e);
                default -> e;
            };
        }
    }

    /** A configuration that asks for more than the files hold has asked for too much memory, too. */
    private MmpoException wrongSize(@Nullable NativeException cause) {
        return MmpoException.of(
                MmpoException.Kind.DATA,
                cause,
                "%s asks for %,d parameters in %,d layers, but the weights are %,d numbers in %,d tensors. Fetch all files again, of one"
                        + " revision.",
                directory.resolve(ModelConfig.FILE),
                numParameters(),
                config.shape().numLayers(),
                numStoredElements(),
                parameters.size());
    }

    private MmpoException outOfMemory(ComputeType computeType, Device device, NativeException cause) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                cause,
                "There is not enough memory%s for the model %s: its weights take %,d MiB as %s. Close other programs, or choose a smaller"
                        + " model.",
                device == Device.CUDA ? " on the GPU" : "",
                directory,
                (numParameters() * computeType.weightBytes()) >> 20,
                computeType.words());
    }

    private long numParameters() {
        try {
            return config.shape().numParameters();
        } catch (ArithmeticException e) {
            return Long.MAX_VALUE;
        }
    }

    private long numStoredElements() {
        return parameters.values().stream()
                .mapToLong(parameter -> Arrays.stream(parameter.shape()).reduce(1, (x, y) -> x * y))
                .sum();
    }

    /** The file of the tensor that the message names; the longest name, since one may be the beginning of another. */
    private Path fileOf(NativeException failure) {
        return parameters.entrySet().stream()
                .filter(entry -> failure.getMessage().contains(entry.getKey()))
                .max(Comparator.comparingInt(entry -> entry.getKey().length()))
                .map(entry -> entry.getValue().tensor().file())
                .orElse(directory);
    }

    /** The files that hold the weights, in the order of their names. */
    List<Path> weightFiles() {
        return readers.stream().map(SafetensorsReader::file).toList();
    }

    @Override
    public void close() {
        readers.forEach(SafetensorsReader::close);
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
