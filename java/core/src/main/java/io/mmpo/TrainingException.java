package io.mmpo;

import org.jspecify.annotations.Nullable;

/** Training itself went wrong: a loss or a gradient that is not finite. */
public final class TrainingException extends MmpoException {
    private static final long serialVersionUID = 1L;

    TrainingException(String message, @Nullable Throwable cause) {
        super(Kind.TRAINING, message, cause);
    }
}
