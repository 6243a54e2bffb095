package io.mmpo.cli;

import io.mmpo.MmpoException;

/** Exit codes of every command; the only place that knows them. */
final class ExitCode {
    static final int DONE = 0;
    /** A bug of this program. */
    static final int BUG = 1;

    static final int CONFIGURATION = 2;
    static final int DATA = 3;
    static final int ENVIRONMENT = 4;
    static final int TRAINING = 5;
    /** Interrupted, after a checkpoint was saved: 128 + SIGINT. */
    static final int INTERRUPTED = 130;

    private ExitCode() {}

    static int of(MmpoException.Kind kind) {
        return switch (kind) {
            case CONFIGURATION -> CONFIGURATION;
            case DATA -> DATA;
            case ENVIRONMENT -> ENVIRONMENT;
            case TRAINING -> TRAINING;
        };
    }
}
