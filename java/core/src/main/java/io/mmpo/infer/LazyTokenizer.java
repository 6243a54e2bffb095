package io.mmpo.infer;

import io.mmpo.data.tokens.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A model's tokenizer, opened when first asked for: rows that come tokenized need none. */
public final class LazyTokenizer implements Supplier<Tokenizer>, AutoCloseable {
    private final Path modelDirectory;
    private final Optional<Path> chatTemplate;
    private @Nullable Tokenizer tokenizer;

    /** chatTemplate: a file that takes the place of the model's own template. */
    public LazyTokenizer(Path modelDirectory, Optional<Path> chatTemplate) {
        this.modelDirectory = modelDirectory;
        this.chatTemplate = chatTemplate;
    }

    @Override
    public synchronized Tokenizer get() {
        if (tokenizer == null) {
            tokenizer = Tokenizer.open(modelDirectory, chatTemplate);
        }
        return tokenizer;
    }

    @Override
    public synchronized void close() {
        if (tokenizer != null) {
            tokenizer.close();
        }
    }
}
