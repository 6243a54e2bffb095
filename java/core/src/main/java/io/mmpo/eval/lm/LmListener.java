package io.mmpo.eval.lm;

/** Hears how an evaluation goes. */
public interface LmListener {
    /** A line that the user should see. */
    void message(String line);

    /** done: of a task's questions, with what was there from an interrupted evaluation. */
    void started(String task, int done, int total);

    void advanced(int done);

    void finished();

    /** Asked between calls of the core; where it is so the evaluation ends, to go on another time. */
    boolean stopRequested();
}
