package io.mmpo.eval.judge;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** A judge's interface for many questions at once, which its server answers within a day. Each call is one attempt. */
public interface BatchService {
    /** Most questions of a batch. */
    int maxQuestions();

    /** Most bytes of a batch. */
    long maxBytes();

    /** What a question takes of them. */
    long bytes(Item item);

    /** id: what its result is found by; of at most 64 letters, digits and '-'. */
    record Item(String id, Question question) {}

    /**
     * Sends the questions.
     *
     * @param name that of the batch, with which every item's id begins
     * @return what the server calls the batch
     */
    String create(String name, List<Item> items) throws JudgeException;

    /**
     * What is known of a batch whose creation nobody saw the end of.
     *
     * @param id what the server calls it; empty where it is not there, or where that is not known yet
     * @param undecided whether a batch that still runs may be the one
     */
    record Search(Optional<String> id, boolean undecided) {}

    /** begun: before the batch was sent. */
    Search find(String name, int questions, Instant begun) throws JudgeException;

    BatchStatus status(String id) throws JudgeException;

    /** Every result of a batch that has ended, in any order. */
    void results(String id, Results results) throws JudgeException;

    /** Hears what became of each question, by its item's id. */
    interface Results {
        void answered(String id, Reply reply);

        void failed(String id, JudgeException failure);

        /** A result of which not even the question is known. */
        void unreadable();
    }
}
