package io.mmpo.eval.judge;

import io.mmpo.eval.EvaluationListener;
import java.time.Duration;

/** Repeats what fails and may pass, and waits, until the listener asks to stop. */
final class Patience {
    /** Whoever asks for a longer pause is not waited for. */
    static final Duration LONGEST = Duration.ofMinutes(15);

    private final JudgeSettings settings;
    private final EvaluationListener listener;

    Patience(JudgeSettings settings, EvaluationListener listener) {
        this.settings = settings;
        this.listener = listener;
    }

    /** The listener asked to stop, or the thread was interrupted. */
    static final class Stopped extends Exception {
        private static final long serialVersionUID = 1L;
    }

    /** One attempt at something of a server. */
    interface Attempt<T> {
        T run() throws JudgeException;
    }

    /** Of what costs nothing to repeat. */
    <T> T persist(Attempt<T> attempt) throws JudgeException, Stopped {
        for (int failures = 0; ; failures++) {
            try {
                return attempt.run();
            } catch (JudgeException e) {
                pauseAfter(e, failures);
            }
        }
    }

    /** Throws the failure where another attempt is of no use, or there were enough. failures: before this one. */
    void pauseAfter(JudgeException failure, int failures) throws JudgeException, Stopped {
        Duration pause = failure.retryAfter().orElse(settings.pause(failures));
        if (!failure.mayPass() || failures >= settings.maxRetries() || pause.compareTo(LONGEST) > 0) {
            throw failure;
        }
        pause(pause);
    }

    /** Before the next look at something that takes its time; turn: looks before. */
    void pause(int turn) throws Stopped {
        pause(settings.pause(turn));
    }

    private void pause(Duration pause) throws Stopped {
        Pace pace = new Pace();
        pace.hold(pause);
        try {
            if (!pace.await(listener::stopRequested)) {
                throw new Stopped();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Stopped();
        }
    }
}
