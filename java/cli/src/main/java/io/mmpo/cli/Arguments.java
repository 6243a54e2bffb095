package io.mmpo.cli;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Checks of option values that picocli's types leave open. */
final class Arguments {
    private Arguments() {}

    static void requireAtLeast(CommandSpec spec, String option, long value, long smallest) {
        require(spec, value >= smallest, option + " must be at least " + smallest + ", got " + value);
    }

    static void require(CommandSpec spec, boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}
