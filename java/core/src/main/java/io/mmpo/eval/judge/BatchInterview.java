package io.mmpo.eval.judge;

import io.mmpo.MmpoException;
import io.mmpo.eval.EvaluationListener;
import io.mmpo.eval.judge.JudgeException.Kind;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Asks a judge everything that is missing in batches, and what they leave unanswered in others. */
final class BatchInterview {
    private final Judging judging;
    private final String judge;
    private final BatchService service;
    private final VerdictStore store;
    private final JudgeSettings settings;
    private final EvaluationListener listener;
    private final Patience patience;

    BatchInterview(
            Judging judging,
            String judge,
            BatchService service,
            VerdictStore store,
            JudgeSettings settings,
            EvaluationListener listener) {
        this.judging = judging;
        this.judge = judge;
        this.service = service;
        this.store = store;
        this.settings = settings;
        this.listener = listener;
        this.patience = new Patience(settings, listener);
    }

    Judging.Outcome ask() {
        try {
            return rounds();
        } catch (Patience.Stopped e) {
            return Judging.Outcome.STOPPED;
        }
    }

    private Judging.Outcome rounds() throws Patience.Stopped {
        for (int rounds = 0; ; ) {
            List<BatchErrand> out = new ArrayList<>();
            for (Batch batch : store.batchesWith(judging.keys())) {
                takeUp(batch).ifPresent(out::add);
            }
            List<Integer> unasked = unasked();
            if (unasked.isEmpty() && out.isEmpty()) {
                return Judging.Outcome.COMPLETE;
            }
            boolean fits = judging.spent() + judging.most(unasked) <= settings.maxCost();
            if (!fits && out.isEmpty()) {
                return Judging.Outcome.LIMIT_REACHED;
            }
            if (fits && !unasked.isEmpty()) {
                if (rounds > settings.maxRetries()) {
                    throw exhausted(unasked.size(), rounds);
                }
                rounds++;
                for (List<Integer> contests : Batch.split(unasked, judging, service)) {
                    out.add(begin(contests));
                }
            }
            awaitAll(out);
        }
    }

    /** A question that several contests share, once. */
    private List<Integer> unasked() {
        Set<String> seen = new HashSet<>();
        return judging.unasked().stream()
                .filter(contest -> seen.add(judging.key(contest)))
                .toList();
    }

    private Optional<BatchErrand> takeUp(Batch batch) throws Patience.Stopped {
        BatchErrand errand = new BatchErrand(judging, service, store, patience, batch);
        if (batch.id().isEmpty()) {
            listener.message(judge + ": looking for a batch that an earlier call may have sent");
        }
        try {
            if (!errand.takeUp()) {
                return Optional.empty();
            }
        } catch (JudgeException e) {
            throw notSent(errand, e);
        }
        told(errand, "taken up");
        return Optional.of(errand);
    }

    private BatchErrand begin(List<Integer> contests) throws Patience.Stopped {
        Map<String, Double> most = new LinkedHashMap<>();
        contests.forEach(contest -> most.put(judging.key(contest), judging.most(contest)));
        Batch batch = new Batch(Batch.newName(), Instant.now(), List.copyOf(most.keySet()), Optional.empty());
        store.batchBegun(batch, most);
        BatchErrand errand = new BatchErrand(judging, service, store, patience, batch);
        try {
            errand.send(contests.stream().map(judging::question).toList());
        } catch (JudgeException e) {
            throw notSent(errand, e);
        }
        told(errand, "sent");
        return errand;
    }

    private void told(BatchErrand errand, String what) {
        Batch batch = errand.batch();
        listener.message(String.format(
                Locale.ROOT,
                "%s: batch %s of %,d questions %s; it may take a day",
                judge,
                batch.id().orElseThrow(),
                batch.keys().size(),
                what));
    }

    private MmpoException notSent(BatchErrand errand, JudgeException e) {
        return e.kind() == Kind.ABSENT
                ? MmpoException.of(
                        MmpoException.Kind.CONFIGURATION,
                        e,
                        "--batch asks the server of %s for batches, and it %s: it has no such interface. Give the command without --batch.",
                        judge,
                        e.getMessage())
                : failed("A batch of " + errand.batch().keys().size() + " questions was to be sent", e);
    }

    private void awaitAll(List<BatchErrand> out) throws Patience.Stopped {
        for (int turn = 0; !out.isEmpty(); turn++) {
            List<BatchErrand> running = new ArrayList<>();
            long done = 0;
            for (BatchErrand errand : out) {
                BatchStatus status = look(errand);
                if (status.state() == BatchStatus.State.RUNNING) {
                    running.add(errand);
                    done += status.done();
                }
            }
            out = running;
            listener.advanced((int)
                    Math.min(judging.size(), judging.size() - judging.missing().size() + done));
            if (!out.isEmpty()) {
                patience.pause(turn);
            }
        }
    }

    private BatchStatus look(BatchErrand errand) throws Patience.Stopped {
        String id = errand.batch().id().orElseThrow();
        try {
            BatchStatus status = errand.status();
            if (status.state() == BatchStatus.State.RUNNING) {
                return status;
            }
            errand.collect(status);
            judgeEnd(errand, status);
            return status;
        } catch (JudgeException e) {
            throw e.kind() == Kind.ABSENT
                    ? gone(errand.batch(), e)
                    : failed("The results of batch " + id + " were wanted", e);
        }
    }

    private void judgeEnd(BatchErrand errand, BatchStatus status) {
        String id = errand.batch().id().orElseThrow();
        switch (status.state()) {
            case REJECTED ->
                throw MmpoException.configuration(
                        "The server of %s took batch %s and asked nothing of it: it %s. Nothing was charged. Correct that (where the account's"
                                + " limit of tokens that wait is too low, --limit N asks fewer instructions at a time); the same command goes on"
                                + " from here.",
                        judge, id, status.detail());
            case CUT_SHORT ->
                listener.message(
                        judge + ": batch " + id + " " + status.detail() + "; what it left unanswered is asked again");
            default -> {}
        }
        errand.refusal().ifPresent(refusal -> {
            throw failed("Answers to the questions of batch " + id + " were wanted", refusal);
        });
    }

    private MmpoException gone(Batch batch, JudgeException e) {
        return MmpoException.of(
                MmpoException.Kind.CONFIGURATION,
                e,
                "Batch %s of %d questions to %s is wanted, as an earlier call sent it, and the server %s. Give the key of the account that sent"
                        + " it. To give it up, and pay for its questions again, remove the lines with %s from %s.",
                batch.id().orElseThrow(),
                batch.keys().size(),
                judge,
                e.getMessage(),
                batch.name(),
                store.file());
    }

    private MmpoException failed(String wanted, JudgeException e) {
        return MmpoException.of(
                e.mayPass() ? MmpoException.Kind.ENVIRONMENT : MmpoException.Kind.CONFIGURATION,
                e,
                "%s, and the judge %s %s. %s; the same command goes on from here: every reply that came is kept, and every batch is taken up.",
                wanted,
                judge,
                e.getMessage(),
                e.mayPass() ? "Try again later" : "Correct that");
    }

    private MmpoException exhausted(int questions, int rounds) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                null,
                "Verdicts were wanted from %s, and %d questions have none after %d batches, one after the other. Try again later, or without"
                        + " --batch; the same command goes on from here: every reply that came is kept.",
                judge,
                questions,
                rounds);
    }
}
