package io.mmpo.train;

import io.mmpo.data.tokens.Ids;
import io.mmpo.dist.Ranks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Collates the micro-batches of the next optimizer steps on a thread of its own, while the current one is computed. N ranks with b
 * rows each share micro-batches of N b.
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
        List<MicroBatch> microBatches = new ArrayList<>();
        int endOfStep = plan.endPlace(step);
        int groups = 0;
        for (int first = plan.firstPlace(step); first < endOfStep; first += plan.microBatchSize()) {
            int[] units = Arrays.copyOfRange(places, first, Math.min(endOfStep, first + plan.microBatchSize()));
            microBatches.add(ownPart(units, groups));
            groups += (int) Arrays.stream(units).flatMap(rows::rowsOf).count();
        }
        return new StepBatches(
                step, microBatches, groups, numLearntTokens(microBatches, places, plan.firstPlace(step), endOfStep));
    }

    /** This rank's part of a micro-batch; groupsBefore: of the step's earlier ones. */
    private MicroBatch ownPart(int[] units, int groupsBefore) {
        int[] own = ownOf(units);
        LongStream.Builder numbers = LongStream.builder();
        long group = groupsBefore;
        for (int i = 0, next = 0; next < own.length; i++) {
            long count = rows.rowsOf(units[i]).count();
            if (i == own[next]) {
                LongStream.range(group, group + count).forEach(numbers);
                next++;
            }
            group += count;
        }
        return rows.collate(Arrays.stream(own).map(i -> units[i]).toArray())
                .numbered(numbers.build().toArray());
    }

    /** Places among the units. */
    private int[] ownOf(int[] units) {
        if (!ranks.areSeveral()) {
            return IntStream.range(0, units.length).toArray();
        }
        long[] costs = Arrays.stream(units)
                .mapToLong(unit -> rows.rowsOf(unit)
                        .mapToLong(row -> rows.rows().numTokens(row))
                        .sum())
                .toArray();
        return RankShares.of(costs, ranks.size(), plan.microBatchSize() / ranks.size())[ranks.rank()];
    }

    /** Of the step's rows on all ranks. */
    private long numLearntTokens(List<MicroBatch> own, int[] places, int first, int end) {
        if (!ranks.areSeveral()) {
            return own.stream().mapToLong(MicroBatch::numLearntTokens).sum();
        }
        return Arrays.stream(places, first, end)
                .flatMap(rows::rowsOf)
                .flatMap(
                        row -> Arrays.stream(rows.rows().get(row).completions()).flatMapToInt(Arrays::stream))
                .filter(Ids::isLearnt)
                .count();
    }

    private void handOver(Throwable failure) {
        try {
            ready.put(failure);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
