package io.mmpo.eval.alpaca;

import io.mmpo.MmpoException;
import io.mmpo.spec.SampleMean;
import java.util.Arrays;

/**
 * How often the model is preferred, before answers' lengths are looked at.
 *
 * @param winRate mean preference for the model, in percent; standardError of it
 * @param discreteWinRate the same with every verdict rounded to a win, a loss or a draw
 */
public record HeadToHead(
        double winRate,
        double standardError,
        double discreteWinRate,
        int wins,
        int baselineWins,
        int draws,
        int judged) {

    static HeadToHead of(Annotations annotations) {
        double[] shares = annotations.judgedShares();
        if (shares.length < 2) {
            throw MmpoException.data(
                    "At least two verdicts on %s are wanted for a win-rate with its standard error, found %d.",
                    annotations.model(), shares.length);
        }
        int wins = (int) Arrays.stream(shares).filter(share -> share > 0.5).count();
        int baselineWins =
                (int) Arrays.stream(shares).filter(share -> share < 0.5).count();
        int draws = shares.length - wins - baselineWins;
        SampleMean mean = SampleMean.of(shares);
        return new HeadToHead(
                100 * mean.value(),
                100 * mean.standardError(),
                100 * (wins + 0.5 * draws) / shares.length,
                wins,
                baselineWins,
                draws,
                shares.length);
    }
}
