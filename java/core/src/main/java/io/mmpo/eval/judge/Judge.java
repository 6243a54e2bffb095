package io.mmpo.eval.judge;

import java.util.Optional;

/** Says which of two answers is better. May be asked by several threads at once. */
public interface Judge extends AutoCloseable {
    String name();

    /** All that its replies depend on beside the question. */
    String identity();

    /** Most tokens of a reply. */
    int maxTokens();

    /** Empty where nobody said. */
    Optional<Price> price();

    /** One attempt; whoever calls it decides about another. */
    Reply ask(Question question) throws JudgeException;

    /** Its interface for many questions at once, where it has one. */
    default Optional<BatchService> batches() {
        return Optional.empty();
    }

    @Override
    void close();
}
