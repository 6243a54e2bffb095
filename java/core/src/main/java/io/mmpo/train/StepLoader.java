package io.mmpo.train;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** Collates the micro-batches of the next optimizer steps on a thread of its own, while the current one is computed. */
final class StepLoader implements AutoCloseable {
    private static final int STEPS_AHEAD = 2;

    private final RowSet rows;
    private final StepPlan plan;
    private final RowOrder order;
    private final BlockingQueue<Object> ready = new LinkedBlockingQueue<>(STEPS_AHEAD);
    private final Thread thread;
    private long waitNanos;

    StepLoader(RowSet rows, StepPlan plan, RowOrder order, int firstStep) {
        this.rows = rows;
        this.plan = plan;
        this.order = order;
        thread = Thread.ofPlatform().daemon().name("mmpo-step-loader").start(() -> produce(firstStep));
    }

    /** The next step; a failure of the loading thread is thrown here. */
    StepBatches next() {
        long start = System.nanoTime();
        try {
            Object item = ready.take();
            waitNanos += System.nanoTime() - start;
            return switch (item) {
                case StepBatches step -> step;
                case RuntimeException failure -> throw failure;
                case Error failure -> throw failure;
                default -> throw new IllegalStateException("the step loader gave " + item);
            };
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for a micro-batch", e);
        }
    }

    /** Seconds that {@link #next} has waited since this was last asked. */
    double takeWaitSeconds() {
        double seconds = waitNanos * 1e-9;
        waitNanos = 0;
        return seconds;
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private void produce(int firstStep) {
        try {
            int epoch = -1;
            int[] places = {};
            for (int step = firstStep; step < plan.totalSteps(); step++) {
                if (plan.epochOf(step) != epoch) {
                    epoch = plan.epochOf(step);
                    places = order.ofEpoch(epoch);
                }
                ready.put(new StepBatches(step, collate(places, step)));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException | Error e) {
            handOver(e);
        }
    }

    private List<MicroBatch> collate(int[] places, int step) {
        List<MicroBatch> microBatches = new ArrayList<>();
        int end = plan.endPlace(step);
        for (int first = plan.firstPlace(step); first < end; first += plan.microBatchSize()) {
            microBatches.add(rows.collate(places, first, Math.min(end, first + plan.microBatchSize())));
        }
        return microBatches;
    }

    private void handOver(Throwable failure) {
        try {
            ready.put(failure);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
