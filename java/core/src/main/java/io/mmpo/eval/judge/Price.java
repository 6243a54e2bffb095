package io.mmpo.eval.judge;

/** US dollars a million tokens. */
public record Price(double input, double output) {
    private static final double MILLION = 1e6;

    double of(long inputTokens, long outputTokens) {
        return (input * inputTokens + output * outputTokens) / MILLION;
    }
}
