package io.mmpo.cli;

import io.mmpo.spec.Sampling;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Checks of option values that picocli's types leave open. */
final class Arguments {
    private Arguments() {}

    static void requireAtLeast(CommandSpec spec, String option, long value, long smallest) {
        require(spec, value >= smallest, option + " must be at least " + smallest + ", got " + value);
    }

    /** What the options --temperature, --top-p, --top-k, --seed and --max-new-tokens say together. */
    static Sampling sampling(CommandSpec spec, double temperature, double topP, int topK, long seed, int maxNewTokens) {
        requireAtLeast(spec, "--max-new-tokens", maxNewTokens, 1);
        requireAtLeast(spec, "--top-k", topK, 0);
        require(
                spec,
                temperature >= 0 && Double.isFinite(temperature),
                "--temperature must be a finite number of at least 0, got " + temperature);
        require(spec, topP > 0 && topP <= 1, "--top-p must be in (0, 1], got " + topP);
        return new Sampling(temperature, topP, topK, seed, maxNewTokens);
    }

    static void require(CommandSpec spec, boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}
