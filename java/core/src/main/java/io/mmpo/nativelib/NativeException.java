package io.mmpo.nativelib;

import java.util.Objects;

/** A call of the core that failed, with its status and message. Callers that know the file or the rows say so in an MmpoException. */
public final class NativeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The mmpo_status codes that are failures; the order is mmpo_status's, from 1. */
    public enum Status {
        /** An argument breaks its contract; nothing was changed. */
        INVALID_ARGUMENT,
        /** A weight is missing, of the wrong shape or dtype, or not finite. */
        INVALID_MODEL,
        OUT_OF_MEMORY,
        /** A gradient is not finite; parameters and optimizer state are as they were. */
        NON_FINITE,
        INTERNAL,
        /** An exchange with other ranks failed: one of them is gone, or did not come in time. */
        COLLECTIVE,
        /** The arguments have a meaning, and this device, or a model of these sizes, cannot be computed so. */
        UNSUPPORTED;

        static Status of(int code) {
            return 1 <= code && code <= values().length ? values()[code - 1] : INTERNAL;
        }
    }

    private final Status status;

    NativeException(Status status, String message) {
        super(message);
        this.status = status;
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    public Status status() {
        return status;
    }
}
