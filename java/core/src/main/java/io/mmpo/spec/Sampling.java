package io.mmpo.spec;

import static io.mmpo.spec.Require.require;

/**
 * How a continuation is drawn. A prompt draws from its own stream, made from the seed and its number.
 *
 * @param temperature 0 is greedy
 * @param topP in (0, 1]; 1 is off
 * @param topK 0 is off
 */
public record Sampling(double temperature, double topP, int topK, long seed, int maxNewTokens) {
    public Sampling {
        require(temperature >= 0 && Double.isFinite(temperature), "temperature must be >= 0, got %s", temperature);
        require(0 < topP && topP <= 1, "top_p must be in (0, 1], got %s", topP);
        require(topK >= 0, "top_k must be >= 0, got %d", topK);
        require(maxNewTokens >= 1, "max_new_tokens must be >= 1, got %d", maxNewTokens);
    }

    /** The likeliest token at every step. */
    public static Sampling greedy(int maxNewTokens) {
        return new Sampling(0, 1, 0, 0, maxNewTokens);
    }
}
