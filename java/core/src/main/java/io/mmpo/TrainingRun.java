package io.mmpo;

import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A run that goes on, on a platform thread of its own, so that who waits for it may be a virtual thread. A run that nobody waits for goes
 * on to its end; it does not keep the process alive.
 */
public final class TrainingRun {
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Thread thread;
    private volatile Progress progress = new Progress(Phase.PREPARATION, 0, Progress.UNKNOWN);
    private volatile boolean cancelled;
    private @Nullable TrainingReport report;
    private @Nullable Throwable failure;

    /** What a run is busy with. */
    public enum Phase {
        /** Rows are read and the model is loaded. */
        PREPARATION,
        /** Log-probabilities of the reference; its units are rows. */
        REFERENCE,
        /** Its units are steps. */
        TRAINING,
        /** Its units are rows. */
        EVALUATION
    }

    /**
     * How far a phase is.
     *
     * @param total {@link #UNKNOWN} while rows are still read
     */
    public record Progress(Phase phase, long done, long total) {
        public static final long UNKNOWN = -1;
    }

    TrainingRun(Function<TrainingRun, TrainingReport> work) {
        thread = Thread.ofPlatform().daemon().name("mmpo-training").unstarted(() -> run(work));
        thread.start();
    }

    private void run(Function<TrainingRun, TrainingReport> work) {
        try {
            report = work.apply(this);
        } catch (Throwable t) {
            failure = t;
        } finally {
            ended.countDown();
        }
    }

    /**
     * Asks the run to end after the micro-batch that is computed; it then leaves a checkpoint, where it has an output directory and has
     * begun to train, and its report says that it was cancelled. Returns at once.
     */
    public void cancel() {
        cancelled = true;
    }

    boolean isCancelRequested() {
        return cancelled;
    }

    public boolean isDone() {
        return ended.getCount() == 0;
    }

    public Progress progress() {
        return progress;
    }

    void progress(Progress now) {
        progress = now;
    }

    /**
     * Waits for the end. A thread that is interrupted cancels the run, and waits for what it leaves: it stays interrupted, and the report
     * says that the run was cancelled, unless that was too late.
     *
     * @throws MmpoException what the run failed with
     * @throws IllegalStateException in a listener, where the run would wait for itself
     */
    public TrainingReport join() {
        if (Thread.currentThread() == thread) {
            throw new IllegalStateException(
                    "join was called by a listener, on the thread that trains, which would wait for itself; cancel the run there, and join elsewhere");
        }
        boolean interrupted = false;
        while (true) {
            try {
                ended.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
                cancel();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw TrainingRun.<RuntimeException>unchecked(failure);
        }
        return Objects.requireNonNull(report);
    }

    /** As it is: what a listener throws may be a checked exception, where it is not written in Java. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <E extends Throwable> E unchecked(Throwable failure) throws E {
        throw (E) failure;
    }
}
