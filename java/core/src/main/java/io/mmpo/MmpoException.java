package io.mmpo;

import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An error that its reader can mend. The message is one paragraph: what was wanted, what was found, where (file and row,
 * key, tensor) and what to do. The command line prints it alone and maps the kind to an exit code; a program catches this, or the class
 * of one kind.
 */
public abstract sealed class MmpoException extends RuntimeException
        permits ConfigurationException, DataException, EnvironmentException, TrainingException {
    private static final long serialVersionUID = 1L;

    /** What has to be mended, in the order of the command line's exit codes 2 to 5. */
    public enum Kind {
        /** An option, a configuration key or its value. */
        CONFIGURATION,
        /** A data or model file. */
        DATA,
        /** The machine: JDK, libraries, memory, disk. */
        ENVIRONMENT,
        /** Training itself: a loss or gradient that is not finite. */
        TRAINING
    }

    private final Kind kind;

    MmpoException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public static MmpoException configuration(String format, @Nullable Object... arguments) {
        return of(Kind.CONFIGURATION, null, format, arguments);
    }

    public static MmpoException data(String format, @Nullable Object... arguments) {
        return of(Kind.DATA, null, format, arguments);
    }

    public static MmpoException environment(String format, @Nullable Object... arguments) {
        return of(Kind.ENVIRONMENT, null, format, arguments);
    }

    public static MmpoException training(String format, @Nullable Object... arguments) {
        return of(Kind.TRAINING, null, format, arguments);
    }

    /** With the cause that led to it, which {@code --debug} prints. */
    public static MmpoException of(Kind kind, @Nullable Throwable cause, String format, @Nullable Object... arguments) {
        String message = arguments.length == 0 ? format : String.format(Locale.ROOT, format, arguments);
        return switch (kind) {
            case CONFIGURATION -> new ConfigurationException(message, cause);
            case DATA -> new DataException(message, cause);
            case ENVIRONMENT -> new EnvironmentException(message, cause);
            case TRAINING -> new TrainingException(message, cause);
        };
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    public Kind kind() {
        return kind;
    }
}
