package io.mmpo.eval.judge;

/** US dollars a million tokens. */
public record Price(double input, double output) {
    private static final double MILLION = 1e6;

    /** Of a question in a batch: OpenAI and Anthropic ask half. */
    Price inBatch() {
        return new Price(input / 2, output / 2);
    }

    double of(long inputTokens, long outputTokens) {
        return (input * inputTokens + output * outputTokens) / MILLION;
    }
}
