package example.embed;

import io.mmpo.Answer;
import io.mmpo.GenerationOptions;
import io.mmpo.LanguageModel;
import io.mmpo.Message;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** The model that answers now. Another one takes its place between two answers. */
final class ServedModel implements AutoCloseable {
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private LanguageModel model;
    private String name;

    /** model: owned from now on. name: as answers say which model gave them. */
    ServedModel(LanguageModel model, String name) {
        this.model = model;
        this.name = name;
    }

    record Reply(Answer answer, String model) {}

    /** Answers may wait for each other inside the model; none is cut short by a replacement. */
    Reply reply(List<Message> conversation, GenerationOptions options) {
        lock.readLock().lock();
        try {
            return new Reply(model.chat(conversation, options), name);
        } finally {
            lock.readLock().unlock();
        }
    }

    String name() {
        lock.readLock().lock();
        try {
            return name;
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Waits for answers that are being drawn by the model so far, and frees it. */
    void replace(LanguageModel next, String nextName) {
        LanguageModel previous;
        lock.writeLock().lock();
        try {
            previous = model;
            model = next;
            name = nextName;
        } finally {
            lock.writeLock().unlock();
        }
        previous.close();
    }

    /** Ends answers that are being drawn. */
    @Override
    public void close() {
        model.close();
    }
}
