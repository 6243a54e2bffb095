package io.mmpo;

import org.jspecify.annotations.Nullable;

/** The machine has to be mended: JDK, libraries, memory, disk. */
public final class EnvironmentException extends MmpoException {
    private static final long serialVersionUID = 1L;

    EnvironmentException(String message, @Nullable Throwable cause) {
        super(Kind.ENVIRONMENT, message, cause);
    }
}
