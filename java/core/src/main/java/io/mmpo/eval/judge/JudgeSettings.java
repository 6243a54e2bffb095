package io.mmpo.eval.judge;

import java.time.Duration;

/**
 * How a judge is asked.
 *
 * @param concurrency questions that are out at a time
 * @param maxRetries of one question, after its first attempt
 * @param maxCost US dollars for all contests, in this and earlier calls; infinite where there is no limit
 * @param firstPause before a second attempt, where the server names none; doubled each time
 */
public record JudgeSettings(int concurrency, int maxRetries, double maxCost, Duration firstPause) {
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);

    /** Before the attempt that follows this one, counted from 0. */
    Duration pause(int attempt) {
        Duration pause = firstPause.multipliedBy(1L << Math.min(attempt, 16));
        return pause.compareTo(LONGEST_PAUSE) < 0 ? pause : LONGEST_PAUSE;
    }
}
