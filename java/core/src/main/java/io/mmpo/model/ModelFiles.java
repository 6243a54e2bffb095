package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.ComputeType;
import io.mmpo.nativelib.Device;
import io.mmpo.nativelib.ModelShape;
import io.mmpo.nativelib.NativeException;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.Weights;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A model directory of Hugging Face's layout: config.json, and weights in model.safetensors or in shards with an index. The
 * weights are mapped, not read, until {@link #close}.
 */
public final class ModelFiles implements WeightFiles {
    static final String WEIGHTS_FILE = "model.safetensors";

    static final String HEAD = "lm_head.weight";
    static final String EMBEDDING = "model.embed_tokens.weight";

    private final Path directory;
    private final ModelConfig config;
    private final List<SafetensorsReader> readers = new ArrayList<>();
    private final Map<String, Located> weights = new LinkedHashMap<>();

    private record Located(Weights weights, Path file) {}

    private ModelFiles(Path directory, ModelConfig config) {
        this.directory = directory;
        this.config = config;
    }

    public static ModelFiles open(Path directory) {
        ModelFiles files = new ModelFiles(directory, ModelConfig.read(directory));
        try {
            files.openWeights();
            files.dropTiedHead();
            return files;
        } catch (RuntimeException | Error e) {
            files.close();
            throw e;
        }
    }

    public ModelConfig config() {
        return config;
    }

    /** Every tensor that may be a parameter, by its name in the files. */
    @Override
    public List<Weights> weights() {
        return weights.values().stream().map(Located::weights).toList();
    }

    /** On the CPU. */
    public NativeModel load(ComputeType computeType) {
        return load(computeType, Device.CPU);
    }

    /** Makes a model of the weights, converted to the compute type, on the device; it does not need these files afterwards. */
    public NativeModel load(ComputeType computeType, Device device) {
        return load(config.shape(), weights(), computeType, device);
    }

    /** The same of weights that are not all of these files, with the shape that they have. */
    NativeModel load(ModelShape shape, List<Weights> modelWeights, ComputeType computeType, Device device) {
        if (config.shape().numLayers() > weights.size()) {
            throw wrongSize(null);
        }
        try {
            return NativeModel.create(shape, modelWeights, computeType, device);
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
                weights.size());
    }

    private MmpoException outOfMemory(ComputeType computeType, Device device, NativeException cause) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                cause,
                "There is not enough memory%s for the model %s: its weights take %,d MiB as %s. Close other programs, or choose a smaller"
                        + " model.",
                device == Device.CUDA ? " on the GPU" : "",
                directory,
                (numParameters() * computeType.bytes()) >> 20,
                computeType);
    }

    private long numParameters() {
        try {
            return config.shape().numParameters();
        } catch (ArithmeticException e) {
            return Long.MAX_VALUE;
        }
    }

    private long numStoredElements() {
        return weights.values().stream()
                .mapToLong(w -> w.weights().numElements())
                .sum();
    }

    /** The file of the tensor that the message names; the longest name, since one may be the beginning of another. */
    private Path fileOf(NativeException failure) {
        return weights.entrySet().stream()
                .filter(entry -> failure.getMessage().contains(entry.getKey()))
                .max(Comparator.comparingInt(entry -> entry.getKey().length()))
                .map(entry -> entry.getValue().file())
                .orElse(directory);
    }

    /** The files that hold the weights, in the order of their names. */
    List<Path> weightFiles() {
        return readers.stream().map(SafetensorsReader::file).toList();
    }

    private void openWeights() {
        Path single = directory.resolve(WEIGHTS_FILE);
        Path index = directory.resolve(SafetensorsIndex.FILE);
        if (Files.isRegularFile(single)) {
            for (SafetensorsReader.Tensor tensor : map(single).tensors()) {
                add(tensor, single);
            }
        } else if (Files.isRegularFile(index)) {
            openShards(SafetensorsIndex.read(index));
        } else {
            throw MmpoException.data(
                    "%s holds neither %s nor %s. Give a model whose weights are stored as safetensors; transformers' save_pretrained"
                            + " writes them so.",
                    directory, WEIGHTS_FILE, SafetensorsIndex.FILE);
        }
    }

    private SafetensorsReader map(Path file) {
        SafetensorsReader reader = SafetensorsReader.open(file);
        readers.add(reader);
        return reader;
    }

    private void openShards(SafetensorsIndex index) {
        Set<String> found = new HashSet<>();
        for (String shard : new TreeSet<>(index.weightMap().values())) {
            Path file = directory.resolve(shard);
            for (SafetensorsReader.Tensor tensor : map(file).tensors()) {
                if (!shard.equals(index.weightMap().get(tensor.name()))) {
                    throw MmpoException.data(
                            "%s holds the tensor %s, which %s places %s. Fetch the files again, all of one revision.",
                            file,
                            tensor.name(),
                            index.file(),
                            index.weightMap().containsKey(tensor.name())
                                    ? "in " + index.weightMap().get(tensor.name())
                                    : "nowhere");
                }
                found.add(tensor.name());
                add(tensor, file);
            }
        }
        for (Map.Entry<String, String> entry : index.weightMap().entrySet()) {
            if (!found.contains(entry.getKey())) {
                throw MmpoException.data(
                        "%s places the tensor %s in %s, which does not hold it. Fetch the files again, all of one revision.",
                        index.file(), entry.getKey(), directory.resolve(entry.getValue()));
            }
        }
    }

    private void add(SafetensorsReader.Tensor tensor, Path file) {
        if (tensor.name().endsWith(".rotary_emb.inv_freq")) {
            return; // a buffer that older versions of transformers stored; the configuration gives it
        }
        requirePlain(tensor, file);
        weights.put(tensor.name(), new Located(tensor.toWeights(), file));
    }

    static void requirePlain(SafetensorsReader.Tensor tensor, Path file) {
        if (!Set.of("F32", "BF16", "F16").contains(tensor.dtype())) {
            throw MmpoException.data(
                    "%s: tensor %s has the dtype %s; F32, BF16 or F16 is wanted. Choose a model that is not quantized, or convert it"
                            + " with transformers.",
                    file, tensor.name(), tensor.dtype());
        }
        if (tensor.shape().length != 1 && tensor.shape().length != 2) {
            throw MmpoException.data(
                    "%s: tensor %s has %d dimensions; a parameter has one or two. Choose a model of plain layers.",
                    file, tensor.name(), tensor.shape().length);
        }
    }

    /** Some files hold the tied head a second time. Where it is another matrix, transformers does not tie it. */
    private void dropTiedHead() {
        if (!config.shape().tieEmbeddings()) {
            return;
        }
        Located head = weights.remove(HEAD);
        Located embedding = weights.get(EMBEDDING);
        if (head != null
                && embedding != null
                && head.weights().data().mismatch(embedding.weights().data()) != -1) {
            throw MmpoException.data(
                    "%s says \"tie_word_embeddings\": true, but %s holds a %s that differs from %s. Set the key to false if the model has"
                            + " a head of its own, else remove the tensor.",
                    directory.resolve(ModelConfig.FILE), head.file(), HEAD, EMBEDDING);
        }
    }

    @Override
    public void close() {
        readers.forEach(SafetensorsReader::close);
    }
}
