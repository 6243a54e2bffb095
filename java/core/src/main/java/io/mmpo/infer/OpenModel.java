package io.mmpo.infer;

import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.model.ModelConfig;
import io.mmpo.model.ModelSource;
import io.mmpo.model.PretrainedModel;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** A model in memory that is asked and not trained, and its tokenizer once that is asked for. */
public final class OpenModel implements AutoCloseable {
    private final PretrainedModel model;
    private final LazyTokenizer tokenizer;

    private OpenModel(PretrainedModel model, LazyTokenizer tokenizer) {
        this.model = model;
        this.tokenizer = tokenizer;
    }

    /** chatTemplate: a file that takes the place of the model's own template. */
    public static OpenModel open(
            ModelSource source, Optional<Path> chatTemplate, ComputeType computeType, Device device) {
        LazyTokenizer tokenizer = new LazyTokenizer(source.tokenizerDirectory(), chatTemplate);
        tokenizer.openAhead();
        try {
            return new OpenModel(PretrainedModel.loadFrozen(source, computeType, device), tokenizer);
        } catch (RuntimeException | Error e) {
            tokenizer.close();
            throw e;
        }
    }

    /** Of a model and its tokenizer, which are closed with it. */
    public static OpenModel of(PretrainedModel model, LazyTokenizer tokenizer) {
        return new OpenModel(model, tokenizer);
    }

    public ModelSource source() {
        return model.source();
    }

    public ModelConfig config() {
        return model.config();
    }

    /** What is odd about the files and was passed over; a line each. */
    public List<String> notes() {
        return model.notes();
    }

    /** How attention is computed, in words. */
    public String attention() {
        return model.core().attention();
    }

    public Supplier<Tokenizer> tokenizer() {
        return tokenizer;
    }

    /** Under which positions the model was trained (max_position_embeddings). */
    public long positions() {
        return config().shape().maxPositions();
    }

    NativeModel core() {
        return model.core();
    }

    public Scorer scorer() {
        return new Scorer(core());
    }

    @Override
    public void close() {
        model.close();
        tokenizer.close();
    }
}
