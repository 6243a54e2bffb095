package io.mmpo;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * An answer in pieces, each there as soon as the model has drawn it; together they are its text. It can be gone through once, by one
 * thread. Cancelling it, from any thread, or closing it ends the drawing after the token that is computed.
 */
public final class AnswerStream implements Iterable<String>, AutoCloseable {
    private static final String END = new String("end"); // told from any piece by identity

    private final BlockingQueue<String> pieces = new LinkedBlockingQueue<>();
    private final AtomicBoolean begun = new AtomicBoolean();
    private volatile boolean cancelled;
    private LanguageModel.@Nullable Pending<Answer> answer;

    AnswerStream() {}

    void begin(LanguageModel.Pending<Answer> drawn) {
        answer = drawn;
    }

    void tell(String piece) {
        if (!piece.isEmpty()) {
            pieces.add(piece);
        }
    }

    void end() {
        pieces.add(END);
    }

    boolean isCancelled() {
        return cancelled;
    }

    /** Returns at once. */
    public void cancel() {
        cancelled = true;
    }

    /** The whole answer; waits for its end. What went wrong is thrown here. */
    public Answer answer() {
        return Objects.requireNonNull(answer).await(this::cancel);
    }

    /**
     * {@link Iterator#hasNext} waits for the next piece; what went wrong is thrown there.
     *
     * @throws IllegalStateException the second time
     */
    @Override
    public Iterator<String> iterator() {
        if (begun.getAndSet(true)) {
            throw new IllegalStateException(
                    "an answer in pieces can be gone through once; its text is that of answer()");
        }
        return new Iterator<>() {
            private @Nullable String next;
            private boolean ended;

            @Override
            public boolean hasNext() {
                if (next == null && !ended) {
                    next = take();
                    ended = next == null;
                }
                return next != null;
            }

            @Override
            public String next() {
                if (!hasNext()) {
                    throw new NoSuchElementException("the answer has ended");
                }
                String piece = Objects.requireNonNull(next);
                next = null;
                return piece;
            }
        };
    }

    @SuppressWarnings("ReferenceEquality")
    private @Nullable String take() {
        try {
            String piece = pieces.take();
            if (piece != END) {
                return piece;
            }
        } catch (InterruptedException e) {
            cancel();
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while waiting for a piece of an answer");
        }
        answer();
        return null;
    }

    @Override
    public void close() {
        cancel();
        Objects.requireNonNull(answer).awaitEnd();
    }
}
