package io.mmpo.cli;

import io.mmpo.spec.Sampling;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options that say how answers are drawn. Each command has defaults of its own. */
final class AnswerArguments {
    @Option(names = "--max-new-tokens", description = "Most tokens of an answer (${DEFAULT-VALUE}).")
    private int maxNewTokens;

    @Option(names = "--temperature", description = "0 is greedy (${DEFAULT-VALUE}).")
    private double temperature;

    @Option(names = "--top-k", description = "Draw from the k likeliest tokens; 0: all (${DEFAULT-VALUE}).")
    private int topK = 0;

    @Option(names = "--top-p", description = "Draw from the likeliest tokens of this mass (${DEFAULT-VALUE}).")
    private double topP;

    @Option(names = "--seed", description = "Seed of the draws (${DEFAULT-VALUE}).")
    private long seed = 42;

    @Option(
            names = "--batch-size",
            description = "Prompts answered at a time (${DEFAULT-VALUE}); no answer depends on it.")
    private int batchSize;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    AnswerArguments(int maxNewTokens, double temperature, double topP, int batchSize) {
        this.maxNewTokens = maxNewTokens;
        this.temperature = temperature;
        this.topP = topP;
        this.batchSize = batchSize;
    }

    int maxNewTokens() {
        return maxNewTokens;
    }

    int batchSize() {
        Arguments.requireAtLeast(spec, "--batch-size", batchSize, 1);
        return batchSize;
    }

    Sampling sampling() {
        Arguments.requireAtLeast(spec, "--max-new-tokens", maxNewTokens, 1);
        Arguments.requireAtLeast(spec, "--top-k", topK, 0);
        Arguments.require(
                spec,
                temperature >= 0 && Double.isFinite(temperature),
                "--temperature must be a finite number of at least 0, got " + temperature);
        Arguments.require(spec, topP > 0 && topP <= 1, "--top-p must be in (0, 1], got " + topP);
        return new Sampling(temperature, topP, topK, seed, maxNewTokens);
    }
}
