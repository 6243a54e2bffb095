package io.mmpo.cli;

import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.model.ModelConfig;
import io.mmpo.model.ModelSource;
import io.mmpo.model.PretrainedModel;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.train.LazyTokenizer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/** A model in memory, and its tokenizer once it is asked for. */
record OpenModel(PretrainedModel pretrained, LazyTokenizer lazyTokenizer) implements AutoCloseable {
    static OpenModel open(ModelSource source, Optional<Path> chatTemplate, ComputeType computeType, Device device) {
        return new OpenModel(
                PretrainedModel.load(source, computeType, device, 0),
                new LazyTokenizer(source.tokenizerDirectory(), chatTemplate));
    }

    NativeModel model() {
        return pretrained.core();
    }

    ModelConfig config() {
        return pretrained.config();
    }

    Supplier<Tokenizer> tokenizer() {
        return lazyTokenizer;
    }

    @Override
    public void close() {
        pretrained.close();
        lazyTokenizer.close();
    }
}
