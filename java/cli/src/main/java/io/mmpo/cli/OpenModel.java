package io.mmpo.cli;

import io.mmpo.data.Tokenizer;
import io.mmpo.model.ModelConfig;
import io.mmpo.model.ModelFiles;
import io.mmpo.nativelib.ComputeType;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.train.LazyTokenizer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/** A model in memory with its configuration, and its tokenizer once it is asked for. */
record OpenModel(NativeModel model, ModelConfig config, LazyTokenizer lazyTokenizer) implements AutoCloseable {
    static OpenModel open(Path directory, Optional<Path> chatTemplate, ComputeType computeType) {
        try (ModelFiles files = ModelFiles.open(directory)) {
            return new OpenModel(files.load(computeType), files.config(), new LazyTokenizer(directory, chatTemplate));
        }
    }

    Supplier<Tokenizer> tokenizer() {
        return lazyTokenizer;
    }

    @Override
    public void close() {
        model.close();
        lazyTokenizer.close();
    }
}
