package io.mmpo.eval.judge;

import io.mmpo.eval.judge.JudgeException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One batch, from its sending to its last result. The store knows each step before the next one. */
final class BatchErrand implements BatchService.Results {
    /** A request whose end nobody saw may arrive late, so it is looked for more than once. */
    private static final int SEARCHES = 3;

    private final Judging judging;
    private final BatchService service;
    private final VerdictStore store;
    private final Patience patience;
    private Batch batch;
    private boolean isReadable = true;
    private @Nullable JudgeException refusal;

    BatchErrand(Judging judging, BatchService service, VerdictStore store, Patience patience, Batch batch) {
        this.judging = judging;
        this.service = service;
        this.store = store;
        this.patience = patience;
        this.batch = batch;
    }

    Batch batch() {
        return batch;
    }

    /** Of a batch that was begun by this call. questions: in the order of the batch's keys. */
    void send(List<Question> questions) throws JudgeException, Patience.Stopped {
        List<BatchService.Item> items = new ArrayList<>();
        for (Question question : questions) {
            items.add(new BatchService.Item(Batch.itemId(batch.name(), items.size()), question));
        }
        for (int failures = 0; batch.id().isEmpty(); failures++) {
            Optional<String> id = failures > 0 ? find() : Optional.empty();
            try {
                created(id.isPresent() ? id.get() : create(items));
            } catch (JudgeException e) {
                patience.pauseAfter(e, failures);
            }
        }
    }

    /** Of a batch that was begun by an earlier call; false where that call did not come to send it. */
    boolean takeUp() throws JudgeException, Patience.Stopped {
        if (batch.id().isPresent()) {
            return true;
        }
        try {
            find().ifPresent(this::created);
        } catch (JudgeException e) {
            if (e.kind() == Kind.ABSENT) {
                batch.keys().forEach(key -> unanswered(key, true)); // nobody can say any more
                store.batchEnded(batch.name());
            }
            throw e;
        }
        if (batch.id().isEmpty()) {
            store.batchEnded(batch.name());
        }
        return batch.id().isPresent();
    }

    private String create(List<BatchService.Item> items) throws JudgeException {
        try {
            return service.create(batch.name(), items);
        } catch (JudgeException e) {
            if (!e.mayPass()) {
                store.batchEnded(batch.name()); // it was not taken, and is not charged
            }
            throw e;
        }
    }

    private Optional<String> find() throws JudgeException, Patience.Stopped {
        for (int search = 0, turn = 0; search < SEARCHES; turn++) {
            BatchService.Search found = patience.persist(
                    () -> service.find(batch.name(), batch.keys().size(), batch.begun()));
            if (found.id().isPresent()) {
                return found.id();
            }
            if (!found.undecided()) {
                search++;
            }
            if (search < SEARCHES) {
                patience.pause(turn);
            }
        }
        return Optional.empty();
    }

    private void created(String id) {
        store.batchCreated(batch.name(), id);
        batch = batch.withId(id);
    }

    BatchStatus status() throws JudgeException, Patience.Stopped {
        String id = batch.id().orElseThrow();
        return patience.persist(() -> service.status(id));
    }

    /** Keeps what came of a batch that has ended. A result that was kept before, by a call that was killed, is not counted twice. */
    void collect(BatchStatus status) throws JudgeException, Patience.Stopped {
        String id = batch.id().orElseThrow();
        if (status.state() != BatchStatus.State.REJECTED) {
            patience.persist(() -> {
                service.results(id, this);
                return true;
            });
            boolean wasCharged = status.state() == BatchStatus.State.COMPLETE || !isReadable;
            for (String key : batch.keys()) {
                unanswered(key, wasCharged);
            }
        }
        store.batchEnded(batch.name());
    }

    @Override
    public void answered(String id, Reply reply) {
        key(id).filter(key -> store.out(key).isPresent()).ifPresent(key -> judging.answered(key, reply));
    }

    @Override
    public void failed(String id, JudgeException failure) {
        key(id).ifPresent(key -> unanswered(key, failure.kind() == Kind.LOST));
        if (!failure.mayPass() && refusal == null) {
            refusal = failure;
        }
    }

    @Override
    public void unreadable() {
        isReadable = false;
    }

    private Optional<String> key(String id) {
        Optional<String> key = batch.key(id);
        if (key.isEmpty()) {
            isReadable = false;
        }
        return key;
    }

    private void unanswered(String key, boolean wasCharged) {
        store.out(key).ifPresent(most -> store.unanswered(key, wasCharged ? most : 0.0));
    }

    /** Of a question that is of no use to ask again. */
    Optional<JudgeException> refusal() {
        return Optional.ofNullable(refusal);
    }
}
