package io.mmpo.model;

import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.WeightType;
import io.mmpo.spec.WholeMatrix;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A model in the core's memory, with or without an adapter, that knows where it came from and how it is saved. */
public final class PretrainedModel implements AutoCloseable {
    /** Of draws that are never made. */
    private static final long NO_SEED = 0;

    private final ModelSource source;
    private final ModelConfig config;
    private final NativeModel core;
    private final List<String> notes;
    private @Nullable AdapterConfig adapter;
    private @Nullable LoraSettings settings;

    private PretrainedModel(ModelSource source, ModelFiles files, ModelConfig config, NativeModel core) {
        this.source = source;
        this.config = config;
        this.core = core;
        this.notes = files.notes();
    }

    /** seed: of an adapter's dropout masks, should it be trained. */
    public static PretrainedModel load(ModelSource source, ComputeType computeType, Device device, long seed) {
        return load(source, dtypes -> computeType, device, seed);
    }

    /** One that is asked and never trained. */
    public static PretrainedModel loadFrozen(ModelSource source, ComputeType computeType, Device device) {
        return loadFrozen(source, computeType, device, NO_SEED);
    }

    /** One that is trained through an adapter if at all: what it computes is the same, and its weights may take less memory. */
    public static PretrainedModel loadFrozen(ModelSource source, ComputeType computeType, Device device, long seed) {
        TypeOf type = dtypes -> computeType.frozen(device, dtypes.allMatch(WeightType.BFLOAT16.dtype()::equals));
        return load(source, type, device, seed);
    }

    /** In what is computed with a model whose weights have these types in Safetensors' names. */
    private interface TypeOf extends Function<Stream<String>, ComputeType> {}

    private static PretrainedModel load(ModelSource source, TypeOf type, Device device, long seed) {
        try (ModelFiles files = ModelFiles.open(source.base())) {
            return source.adapter().isEmpty()
                    ? new PretrainedModel(source, files, files.config(), load(files, type, device))
                    : adapted(source, files, type, device, seed);
        }
    }

    private static NativeModel load(ModelFiles files, TypeOf type, Device device) {
        return files.load(type.apply(files.tensors().stream().map(Checkpoint.Parameter::dtype)), device);
    }

    private static PretrainedModel adapted(
            ModelSource source, ModelFiles files, TypeOf type, Device device, long seed) {
        try (AdapterFiles adapter = AdapterFiles.open(source.adapter().orElseThrow())) {
            AdaptedBase base = adapter.base(files);
            NativeModel core = base.isModels()
                    ? load(files, type, device)
                    : files.load(
                            base.shape(),
                            base.weights(),
                            type.apply(base.weights().stream().map(Tensor::dtype)),
                            device);
            PretrainedModel model =
                    new PretrainedModel(source, files, files.config().withShape(base.shape()), core);
            try {
                model.settings = adapter.attach(core, base, seed);
                model.adapter = adapter.config();
                return model;
            } catch (RuntimeException | Error e) {
                model.close();
                throw e;
            }
        }
    }

    /**
     * A new adapter, as PEFT begins: A random by the seed, B zero, and whole matrices as the model's files have them, so that nothing
     * changes yet. lora: what the configuration is on this model.
     */
    public void addAdapter(AdapterConfig configuration, LoraSettings lora) {
        try (ModelFiles files = ModelFiles.open(source.base())) {
            core.setAdapter(lora, wholeOf(files, lora));
        }
        adapter = configuration;
        settings = lora;
    }

    /** From the files, since the model in memory may be rounded. */
    private static List<Tensor> wholeOf(ModelFiles files, LoraSettings lora) {
        boolean tied = files.config().shape().tieEmbeddings();
        return lora.whole().stream()
                .flatMap(matrix -> {
                    String name = matrix == WholeMatrix.HEAD && !tied ? ParameterNames.HEAD : ParameterNames.EMBEDDING;
                    return files.weight(name).stream()
                            .map(weight -> AdapterFiles.named(weight, AdapterFiles.nameOf(matrix)));
                })
                .toList();
    }

    public NativeModel core() {
        return core;
    }

    /** Where it was loaded from. */
    public ModelSource source() {
        return source;
    }

    public ModelConfig config() {
        return config;
    }

    /** What is odd about the files and was passed over; a line each. */
    public List<String> notes() {
        return notes;
    }

    public Optional<AdapterConfig> adapter() {
        return Optional.ofNullable(adapter);
    }

    public long numParameters() {
        return config.shape().numParameters() + numAdapterParameters();
    }

    public long numTrainableParameters() {
        return adapter == null ? config.shape().numParameters() : numAdapterParameters();
    }

    private long numAdapterParameters() {
        return settings == null ? 0 : settings.numParameters(config.shape());
    }

    /**
     * Into an existing directory: with an adapter the adapter alone.
     *
     * @param chatTemplate a Jinja file that takes the place of the source's chat template
     * @param trained every weight, or every one of the adapter's: what a trainer made of them
     * @param form the type that they are written in
     */
    public void save(Path directory, Optional<Path> chatTemplate, List<Tensor> trained, Narrowing form) {
        if (adapter == null) {
            PretrainedWriter.write(directory, source.base(), chatTemplate, trained, form);
        } else {
            saveAdapter(directory, adapter, chatTemplate, trained, form);
        }
    }

    /** What is trained, and what else of the model the adapter held when it was read. */
    private void saveAdapter(
            Path directory,
            AdapterConfig configuration,
            Optional<Path> chatTemplate,
            List<Tensor> trained,
            Narrowing form) {
        List<Tensor> weights = new ArrayList<>(trained);
        if (settings != null && settings.whole().contains(WholeMatrix.TIED)) { // PEFT reads it under either name
            weights.add(AdapterFiles.named(weights.getLast(), AdapterFiles.nameOf(WholeMatrix.HEAD)));
        }
        try (AdapterFiles read = source.adapter().map(AdapterFiles::open).orElse(null)) {
            if (read != null) {
                Set<String> names = weights.stream().map(Tensor::name).collect(Collectors.toSet());
                read.weights().stream()
                        .filter(tensor -> !names.contains(tensor.name()))
                        .forEach(weights::add);
            }
            PretrainedWriter.writeAdapter(
                    directory,
                    configuration.withBaseModel(source.baseName()),
                    source.tokenizerDirectory(),
                    chatTemplate,
                    weights,
                    form);
        }
    }

    /** The weights that this model was made of, as its files have them: without its adapter. */
    public WeightFiles openSource() {
        return ModelFiles.open(source.base());
    }

    /** What {@link #save} wrote. */
    public WeightFiles openSaved(Path directory) {
        return adapter == null ? ModelFiles.open(directory) : AdapterFiles.open(directory);
    }

    @Override
    public void close() {
        core.close();
    }
}
