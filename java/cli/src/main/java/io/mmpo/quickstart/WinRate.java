package io.mmpo.quickstart;

import java.util.List;

/**
 * How often one model's answers earn more points than another's to the same questions; equal points count half.
 *
 * @param rate in [0, 1]
 * @param standardError of the rate, from the n comparisons' own spread
 */
record WinRate(double rate, double standardError, int n) {
    static WinRate of(List<AnswerRule.Verdict> answers, List<AnswerRule.Verdict> baseline) {
        int n = answers.size();
        if (n == 0 || n != baseline.size()) {
            throw new IllegalArgumentException(
                    "a win-rate needs answers to the same questions, got " + n + " and " + baseline.size());
        }
        double sum = 0;
        double sumOfSquares = 0;
        for (int i = 0; i < n; i++) {
            double score = (1
                            + Integer.signum(
                                    answers.get(i).points() - baseline.get(i).points()))
                    / 2.0;
            sum += score;
            sumOfSquares += score * score;
        }
        double rate = sum / n;
        double variance = Math.max(0, sumOfSquares / n - rate * rate);
        return new WinRate(rate, Math.sqrt(variance / n), n);
    }
}
