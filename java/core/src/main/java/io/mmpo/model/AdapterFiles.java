package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.NativeException;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.WholeMatrix;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A directory with an adapter as PEFT saves it: adapter_config.json and adapter_model.safetensors, in memory until {@link #close}.
 *
 * <p>Beside A and B it may hold tensors of the model, whole: those of modules_to_save, and embedding and head of a model whose
 * vocabulary was resized. PEFT names them as the model does, and once more with "modules_to_save" (the same) and "original_module"
 * (what the model had before) where both reasons hold.
 */
public final class AdapterFiles implements WeightFiles {
    static final String WEIGHTS_FILE = "adapter_model.safetensors";
    static final String PREFIX = "base_model.model.";

    private static final String PICKLE = "adapter_model.bin";

    private final Path directory;
    private final AdapterConfig config;
    private final SafetensorsReader reader;
    private final List<Tensor> lora = new ArrayList<>();
    private final Map<String, Tensor> whole = new LinkedHashMap<>();
    private final Map<String, Tensor> original = new LinkedHashMap<>();

    private AdapterFiles(Path directory, AdapterConfig config, SafetensorsReader reader) {
        this.directory = directory;
        this.config = config;
        this.reader = reader;
        reader.tensors().forEach(Checkpoint::requirePlain);
        reader.tensors().stream().map(SafetensorsReader.Entry::toTensor).forEach(this::sort);
    }

    public static AdapterFiles open(Path directory) {
        AdapterConfig config = AdapterConfig.read(directory);
        Path file = directory.resolve(WEIGHTS_FILE);
        if (!Files.isRegularFile(file)) {
            throw MmpoException.data(
                    "%s holds no %s%s. Give an adapter whose weights are stored as safetensors; PEFT's save_pretrained writes them so"
                            + " (safe_serialization=True).",
                    directory,
                    WEIGHTS_FILE,
                    Files.exists(directory.resolve(PICKLE))
                            ? ", but " + PICKLE + ", a pickle, which is a program and is not run"
                            : "");
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
    public List<SafetensorsReader.Entry> tensors() {
        return reader.tensors();
    }

    /** Names of states that were saved without PEFT hold the adapter's own name, "default", too. */
    private void sort(Tensor tensor) {
        String name = tensor.name().replace(".default.", ".");
        if (name.contains(".lora_")) {
            lora.add(named(tensor, name));
            return;
        }
        String inModel = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
        if (inModel.contains(".original_module.")) {
            original.put(inModel.replace(".original_module.", "."), tensor);
        } else if (inModel.contains(".modules_to_save.")) {
            whole.putIfAbsent(inModel.replace(".modules_to_save.", "."), tensor);
        } else {
            whole.put(inModel, tensor);
        }
    }

    static Tensor named(Tensor tensor, String name) {
        return new Tensor(name, tensor.shape(), tensor.dtype(), tensor.data());
    }

    public AdapterConfig config() {
        return config;
    }

    public LoraSettings settings(ModelShape shape, long seed) {
        return AdapterConfig.settings(directory, shape, seed);
    }

    /** Of A and B. */
    List<Tensor> lora() {
        return lora;
    }

    /** A, B and what is whole, by PEFT's names. */
    @Override
    public List<Tensor> weights() {
        List<Tensor> all = new ArrayList<>(lora);
        whole.forEach((name, tensor) -> all.add(named(tensor, PREFIX + name)));
        return all;
    }

    /** The model that the adapter computes with, of which it may hold parts. */
    AdaptedBase base(ModelFiles files) {
        return AdaptedBase.of(files, settings(files.config().shape(), 0), whole, original, reader.file());
    }

    /** Gives a model of this shape, which {@link #base} made, the adapter. seed: of its dropout masks. */
    LoraSettings attach(NativeModel model, AdaptedBase base, long seed) {
        LoraSettings settings = settings(base.shape(), seed);
        requireSize(settings, base.shape());
        List<Tensor> given = new ArrayList<>(lora);
        settings.whole().forEach(matrix -> given.add(named(base.own(matrix), nameOf(matrix))));
        try {
            model.setAdapter(settings, given);
            return settings;
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

    /** PEFT's. */
    static String nameOf(WholeMatrix matrix) {
        return PREFIX + (matrix == WholeMatrix.HEAD ? ParameterNames.HEAD : ParameterNames.EMBEDDING);
    }

    /** Before memory is asked for: a configuration may claim any rank. */
    private void requireSize(LoraSettings settings, ModelShape shape) {
        long wanted = settings.numLoraParameters(shape);
        long found = lora.stream().mapToLong(Tensor::numElements).sum();
        if (found != wanted) {
            throw MmpoException.data(
                    "%s asks for %,d numbers on this model (r %d, %d adapted modules), and %s holds %,d. Use the model that the adapter"
                            + " was trained on, or fetch both files again.",
                    directory.resolve(AdapterConfig.FILE),
                    wanted,
                    config.rank(),
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
