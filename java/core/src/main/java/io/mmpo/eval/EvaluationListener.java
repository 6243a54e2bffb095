package io.mmpo.eval;

/** Hears how an evaluation goes. */
public interface EvaluationListener {
    /** A line that the user should see. */
    void message(String line);

    /**
     * A part of the evaluation begins.
     *
     * @param part its name: a task's
     * @param done of its questions, with what is there from an interrupted evaluation
     */
    void started(String part, int done, int total);

    void advanced(int done);

    void finished();

    /** Asked between calls of the core; where it is so the evaluation ends, to go on another time. */
    boolean stopRequested();
}
