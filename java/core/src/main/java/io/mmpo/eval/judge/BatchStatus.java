package io.mmpo.eval.judge;

/**
 * How far a batch is.
 *
 * @param done questions that were answered, or failed
 * @param detail what the server says of its end, as the end of a sentence; empty where it says nothing
 */
public record BatchStatus(State state, long done, String detail) {
    /** A batch runs until its server has ended it. */
    public enum State {
        RUNNING,
        COMPLETE,
        /** Expired or cancelled: only what was answered before is there, and only that was charged. */
        CUT_SHORT,
        /** Taken apart and found wrong: nothing was asked, and nothing charged. */
        REJECTED
    }
}
