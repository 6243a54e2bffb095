package io.mmpo;

import java.util.List;
import java.util.Objects;

/** What a model is trained on or measured with: pairs of answers for preference optimization, demonstrations for SFT. */
public sealed interface Row {
    /**
     * A conversation, and two replies of the assistant's to it, of which one is preferred.
     *
     * @param prompt ends with what is replied to
     */
    record Pair(List<Message> prompt, String chosen, String rejected) implements Row {
        public Pair {
            prompt = List.copyOf(prompt);
            Objects.requireNonNull(chosen, "chosen");
            Objects.requireNonNull(rejected, "rejected");
        }

        /** Of one question. */
        public Pair(String question, String chosen, String rejected) {
            this(List.of(Message.user(question)), chosen, rejected);
        }
    }

    /** A text and two continuations, of which one is preferred: for models without a chat template. */
    record TextPair(String prompt, String chosen, String rejected) implements Row {}

    /** A conversation and the assistant's reply that is to be learned. */
    record Demonstration(List<Message> prompt, String reply) implements Row {
        public Demonstration {
            prompt = List.copyOf(prompt);
            Objects.requireNonNull(reply, "reply");
        }

        /** Of one question. */
        public Demonstration(String question, String reply) {
            this(List.of(Message.user(question)), reply);
        }
    }

    /** A text and the continuation that is to be learned: for models without a chat template. */
    record TextDemonstration(String prompt, String continuation) implements Row {}
}
