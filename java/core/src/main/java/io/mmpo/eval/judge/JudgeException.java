package io.mmpo.eval.judge;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A question without a reply; the message is the middle of a sentence, after "the judge". */
public final class JudgeException extends Exception {
    private static final long serialVersionUID = 1L;

    /** What it means for the question. */
    public enum Kind {
        /** Not answered and not charged: to be asked again. */
        BUSY,
        /** Perhaps answered and charged, but the reply did not arrive whole: to be asked again. */
        LOST,
        /** Asking again is of no use: the key, the model's name, the question itself. */
        REFUSED,
        /** The server has no such interface, or no longer what was asked for. Not charged. */
        ABSENT
    }

    private final Kind kind;
    private final @Nullable Duration retryAfter;

    /** retryAfter: what the judge's server asks to wait. */
    public JudgeException(Kind kind, String message, Optional<Duration> retryAfter, Throwable cause) {
        super(message, cause);
        this.kind = kind;
        this.retryAfter = retryAfter.orElse(null);
    }

    public Kind kind() {
        return kind;
    }

    /** Whether another attempt is of use. */
    boolean mayPass() {
        return kind == Kind.BUSY || kind == Kind.LOST;
    }

    public Optional<Duration> retryAfter() {
        return Optional.ofNullable(retryAfter);
    }
}
