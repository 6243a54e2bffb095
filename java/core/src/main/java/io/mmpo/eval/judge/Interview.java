package io.mmpo.eval.judge;

import io.mmpo.MmpoException;
import io.mmpo.eval.EvaluationListener;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** Asks a judge several questions at a time, each until it is answered. */
final class Interview implements AutoCloseable {
    private final Judging judging;
    private final Judge judge;
    private final VerdictStore store;
    private final JudgeSettings settings;
    private final EvaluationListener listener;
    private final Budget budget;
    private final Pace pace = new Pace();
    private final Semaphore places;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final AtomicInteger answered;
    private final AtomicReference<RuntimeException> failure = new AtomicReference<>();
    private volatile boolean limitReached;

    Interview(Judging judging, Judge judge, VerdictStore store, JudgeSettings settings, EvaluationListener listener) {
        this.judging = judging;
        this.judge = judge;
        this.store = store;
        this.settings = settings;
        this.listener = listener;
        this.budget = new Budget(settings.maxCost(), judging.spent());
        this.places = new Semaphore(settings.concurrency());
        this.answered = new AtomicInteger(judging.size() - judging.missing().size());
    }

    Judging.Outcome ask(List<Integer> contests) {
        try {
            for (int contest : contests) {
                places.acquire();
                if (ended()) {
                    places.release();
                    break;
                }
                threads.submit(() -> {
                    try {
                        untilAnswered(contest);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    } catch (RuntimeException e) {
                        failure.compareAndSet(null, e);
                    } finally {
                        places.release();
                    }
                });
            }
            places.acquire(settings.concurrency());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Judging.Outcome.STOPPED;
        }
        RuntimeException error = failure.get();
        if (error != null) {
            throw error;
        }
        if (judging.missing().isEmpty()) {
            return Judging.Outcome.COMPLETE;
        }
        return limitReached ? Judging.Outcome.LIMIT_REACHED : Judging.Outcome.STOPPED;
    }

    private boolean ended() {
        return limitReached || failure.get() != null || listener.stopRequested();
    }

    private void untilAnswered(int contest) throws InterruptedException {
        for (int attempt = 0; pace.await(this::ended); attempt++) {
            double most = judging.most(contest);
            if (!budget.reserve(most)) {
                limitReached = true;
                return;
            }
            try {
                attempt(contest, most);
                return;
            } catch (JudgeException e) {
                Duration pause = e.retryAfter().orElse(settings.pause(attempt));
                if (!e.mayPass() || attempt == settings.maxRetries() || pause.compareTo(Patience.LONGEST) > 0) {
                    throw failed(contest, attempt, pause, e);
                }
                pace.hold(pause);
            }
        }
    }

    private void attempt(int contest, double most) throws JudgeException {
        String key = judging.key(contest);
        store.asked(key, most);
        double price = most; // until it is known to be less
        try {
            price = judging.answered(key, judge.ask(judging.question(contest)));
            tell(answered.incrementAndGet());
        } catch (JudgeException e) {
            if (e.kind() != JudgeException.Kind.LOST) {
                price = 0;
                store.unanswered(key, price);
            }
            throw e;
        } finally {
            budget.settle(most, price);
        }
    }

    private synchronized void tell(int done) {
        listener.advanced(done);
    }

    private MmpoException failed(int contest, int attempt, Duration pause, JudgeException e) {
        boolean isFinal = !e.mayPass();
        String mend = isFinal
                ? "Correct that"
                : "Try again later"
                        + (pause.compareTo(Patience.LONGEST) > 0 ? ", in " + pause.toMinutes() + " minutes" : "");
        return MmpoException.of(
                isFinal ? MmpoException.Kind.CONFIGURATION : MmpoException.Kind.ENVIRONMENT,
                e,
                "A verdict on instruction %d was wanted from %s, and in %d attempts the judge %s. %s; the same command goes on from here: every"
                        + " reply that came is kept.",
                judging.contest(contest).index() + 1,
                judge.name(),
                attempt + 1,
                e.getMessage(),
                mend);
    }

    @Override
    public void close() {
        threads.shutdownNow();
        try {
            threads.awaitTermination(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
