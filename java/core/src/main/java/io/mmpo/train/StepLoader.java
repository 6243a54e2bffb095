package io.mmpo.train;

import io.mmpo.dist.Ranks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * Collates the micro-batches of the next optimizer steps on a thread of its own, while the current one is computed. Of N ranks with b
 * rows each, rank r takes rows [r b, (r + 1) b) of each micro-batch of N b, or what there is of them.
 */
final class StepLoader implements AutoCloseable {
    private static final int STEPS_AHEAD = 2;

    private final RowSet rows;
    private final StepPlan plan;
    private final RowOrder order;
    private final Ranks ranks;
    private final BlockingQueue<Object> ready = new LinkedBlockingQueue<>(STEPS_AHEAD);
    private final Thread thread;
    private long waitNanos;

    StepLoader(RowSet rows, StepPlan plan, RowOrder order, Ranks ranks, int firstStep) {
        this.rows = rows;
        this.plan = plan;
        this.order = order;
        this.ranks = ranks;
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
                ready.put(collate(places, step));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException | Error e) {
            handOver(e);
        }
    }

    private StepBatches collate(int[] places, int step) {
        int share = plan.microBatchSize() / ranks.size();
        List<MicroBatch> microBatches = new ArrayList<>();
        int firstOfStep = plan.firstPlace(step);
        int endOfStep = plan.endPlace(step);
        for (int first = firstOfStep; first < endOfStep; first += plan.microBatchSize()) {
            int end = Math.min(endOfStep, first + plan.microBatchSize());
            int ownFirst = Math.min(end, first + ranks.rank() * share);
            int ownEnd = Math.min(end, ownFirst + share);
            long groupsBefore = rows.rowsAt(places, firstOfStep, ownFirst).count();
            microBatches.add(rows.collate(places, ownFirst, ownEnd).after(groupsBefore));
        }
        return new StepBatches(
                step,
                microBatches,
                (int) rows.rowsAt(places, firstOfStep, endOfStep).count(),
                numLearntTokens(microBatches, places, firstOfStep, endOfStep));
    }

    /** Of the step's rows on all ranks. */
    private long numLearntTokens(List<MicroBatch> own, int[] places, int first, int end) {
        if (!ranks.areSeveral()) {
            return own.stream().mapToLong(MicroBatch::numLearntTokens).sum();
        }
        return rows.rowsAt(places, first, end)
                .flatMap(
                        row -> Arrays.stream(rows.rows().get(row).completions()).mapToInt(tokens -> tokens.length))
                .asLongStream()
                .sum();
    }

    private void handOver(Throwable failure) {
        try {
            ready.put(failure);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
