package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.LoraSettings;
import io.mmpo.nativelib.ModelShape;
import io.mmpo.nativelib.NativeException;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.Weights;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A directory with an adapter as PEFT saves it: adapter_config.json and adapter_model.safetensors, in memory until {@link #close}. */
public final class AdapterFiles implements WeightFiles {
    static final String WEIGHTS_FILE = "adapter_model.safetensors";

    private final Path directory;
    private final AdapterConfig config;
    private final SafetensorsReader reader;
    private final List<Weights> weights;

    private AdapterFiles(Path directory, AdapterConfig config, SafetensorsReader reader) {
        this.directory = directory;
        this.config = config;
        this.reader = reader;
        reader.tensors().forEach(Checkpoint::requirePlain);
        this.weights = reader.tensors().stream()
                .map(SafetensorsReader.Tensor::toWeights)
                .toList();
    }

    public static AdapterFiles open(Path directory) {
        AdapterConfig config = AdapterConfig.read(directory);
        Path file = directory.resolve(WEIGHTS_FILE);
        if (!Files.isRegularFile(file)) {
            throw MmpoException.data(
                    "%s holds no %s. Give an adapter whose weights are stored as safetensors; PEFT's save_pretrained writes them so.",
                    directory, WEIGHTS_FILE);
        }
        SafetensorsReader reader = SafetensorsReader.open(file);
        try {
            return new AdapterFiles(directory, config, reader);
        } catch (RuntimeException | Error e) {
            reader.close();
            throw e;
        }
    }

    @Override
    public List<SafetensorsReader.Tensor> tensors() {
        return reader.tensors();
    }

    public AdapterConfig config() {
        return config;
    }

    @Override
    public List<Weights> weights() {
        return weights;
    }

    /** Gives a model of this shape the adapter. seed: of its dropout masks. */
    void attach(NativeModel model, ModelShape shape, long seed) {
        requireSize(shape);
        try {
            model.setAdapter(config.settings(seed), weights);
        } catch (NativeException e) {
            throw e.status() == NativeException.Status.INVALID_MODEL
                    ? MmpoException.of(
                            MmpoException.Kind.DATA,
                            e,
                            "%s does not fit %s and the model: %s. Use the model that the adapter was trained on.",
                            reader.file(),
                            AdapterConfig.FILE,
                            e.getMessage())
                    : e;
        }
    }

    /** Before memory is asked for: a configuration may claim any rank. */
    private void requireSize(ModelShape shape) {
        LoraSettings settings = config.settings(0);
        long wanted = settings.numParameters(shape);
        long found = weights.stream().mapToLong(Weights::numElements).sum();
        if (found != wanted) {
            throw MmpoException.data(
                    "%s asks for %,d numbers on this model (r %d, %d target modules), and %s holds %,d. Use the model that the adapter"
                            + " was trained on, or fetch both files again.",
                    directory.resolve(AdapterConfig.FILE),
                    wanted,
                    settings.rank(),
                    settings.targets().size(),
                    reader.file(),
                    found);
        }
    }

    @Override
    public void close() {
        reader.close();
    }
}
