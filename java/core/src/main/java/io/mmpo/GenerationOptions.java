package io.mmpo;

/**
 * How an answer is drawn.
 *
 * @param maxNewTokens that an answer may have, at least 1
 * @param temperature 0 takes the likeliest token each time
 * @param topK draw from so many of the likeliest tokens; 0: from all
 * @param topP draw from the likeliest tokens of this mass, in (0, 1]
 * @param seed the same one draws the same answer
 */
public record GenerationOptions(int maxNewTokens, double temperature, int topK, double topP, long seed) {
    public GenerationOptions {
        require(maxNewTokens >= 1, "maxNewTokens must be at least 1, got %s", maxNewTokens);
        require(
                temperature >= 0 && Double.isFinite(temperature),
                "temperature must be a finite number of at least 0, got %s",
                temperature);
        require(topK >= 0, "topK must be at least 0, got %s", topK);
        require(topP > 0 && topP <= 1, "topP must be in (0, 1], got %s", topP);
    }

    /** Greedy, up to 256 tokens. */
    public static GenerationOptions greedy() {
        return new GenerationOptions(256, 0, 0, 1, 42);
    }

    public GenerationOptions withMaxNewTokens(int most) {
        return new GenerationOptions(most, temperature, topK, topP, seed);
    }

    public GenerationOptions withTemperature(double value) {
        return new GenerationOptions(maxNewTokens, value, topK, topP, seed);
    }

    public GenerationOptions withTopK(int likeliest) {
        return new GenerationOptions(maxNewTokens, temperature, likeliest, topP, seed);
    }

    public GenerationOptions withTopP(double mass) {
        return new GenerationOptions(maxNewTokens, temperature, topK, mass, seed);
    }

    public GenerationOptions withSeed(long value) {
        return new GenerationOptions(maxNewTokens, temperature, topK, topP, value);
    }

    private static void require(boolean condition, String format, Object value) {
        if (!condition) {
            throw MmpoException.configuration(format, value);
        }
    }
}
