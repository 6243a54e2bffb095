package io.mmpo;

import org.jspecify.annotations.Nullable;

/** A data or model file has to be mended. */
public final class DataException extends MmpoException {
    private static final long serialVersionUID = 1L;

    DataException(String message, @Nullable Throwable cause) {
        super(Kind.DATA, message, cause);
    }
}
