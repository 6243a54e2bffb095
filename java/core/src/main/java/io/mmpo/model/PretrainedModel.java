package io.mmpo.model;

import io.mmpo.nativelib.ComputeType;
import io.mmpo.nativelib.Device;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.Weights;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A model in the core's memory, with or without an adapter, that knows where it came from and how it is saved. */
public final class PretrainedModel implements AutoCloseable {
    private final ModelSource source;
    private final ModelConfig config;
    private final NativeModel core;
    private final List<String> notes;
    private @Nullable AdapterConfig adapter;

    private PretrainedModel(ModelSource source, ModelFiles files, NativeModel core) {
        this.source = source;
        this.config = files.config();
        this.core = core;
        this.notes = files.notes();
    }

    /** On the CPU. */
    public static PretrainedModel load(ModelSource source, ComputeType computeType, long seed) {
        return load(source, computeType, Device.CPU, seed);
    }

    /** seed: of an adapter's dropout masks, should it be trained. */
    public static PretrainedModel load(ModelSource source, ComputeType computeType, Device device, long seed) {
        PretrainedModel model;
        try (ModelFiles files = ModelFiles.open(source.base())) {
            model = new PretrainedModel(source, files, files.load(computeType, device));
        }
        try {
            source.adapter().ifPresent(directory -> model.attach(directory, seed));
            return model;
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    private void attach(Path directory, long seed) {
        try (AdapterFiles files = AdapterFiles.open(directory)) {
            files.attach(core, config.shape(), seed);
            adapter = files.config();
        }
    }

    /** A new adapter, as PEFT begins: A random by the seed, B zero, so that nothing changes yet. */
    public void addAdapter(AdapterConfig settings, long seed) {
        core.setAdapter(settings.settings(seed), List.of());
        adapter = settings;
    }

    public NativeModel core() {
        return core;
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
        return adapter == null ? 0 : adapter.settings(0).numParameters(config.shape());
    }

    /**
     * Into an existing directory: with an adapter the adapter alone.
     *
     * @param chatTemplate a Jinja file that takes the place of the source's chat template
     * @param trained every weight, or every one of the adapter's: what a trainer made of them
     * @param form the type that they are written in
     */
    public void save(Path directory, Optional<Path> chatTemplate, List<Weights> trained, Narrowing form) {
        if (adapter == null) {
            PretrainedWriter.write(directory, source.base(), chatTemplate, trained, form);
        } else {
            PretrainedWriter.writeAdapter(
                    directory,
                    adapter.withBaseModel(source.baseName()),
                    source.tokenizerDirectory(),
                    chatTemplate,
                    trained,
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
