package io.mmpo.infer;

import io.mmpo.data.tokens.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/** A model's tokenizer, opened when first asked for: rows that come tokenized need none. */
public final class LazyTokenizer implements Supplier<Tokenizer>, AutoCloseable {
    /** Run by whoever comes first. */
    private final FutureTask<Tokenizer> opening;

    private volatile boolean isAskedFor;

    /** chatTemplate: a file that takes the place of the model's own template. */
    public LazyTokenizer(Path modelDirectory, Optional<Path> chatTemplate) {
        this.opening = new FutureTask<>(() -> Tokenizer.open(modelDirectory, chatTemplate));
    }

    /** Opens it beside what the caller does next. A failure is told to whoever asks for the tokenizer. */
    public void openAhead() {
        isAskedFor = true;
        Thread.ofPlatform().daemon().name("tokenizer").start(opening);
    }

    @Override
    public Tokenizer get() {
        isAskedFor = true;
        opening.run();
        try {
            return await();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                case null, default -> throw new IllegalStateException(e);
            }
        }
    }

    private Tokenizer await() throws ExecutionException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return opening.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        if (!isAskedFor) {
            return;
        }
        try {
            await().close();
        } catch (ExecutionException e) {
            // there is none, which was told to whoever asked for it
        }
    }
}
