package io.mmpo.dist;

import io.mmpo.spec.Device;
import java.util.function.Supplier;

/**
 * The processes that do a run together, seen by one of them. All make the same calls in the same order; each call waits until every rank
 * has made it. Of one rank none waits for anything.
 */
public interface Ranks {
    /** A run of one process. */
    Ranks ALONE = new Ranks() {
        @Override
        public int rank() {
            return 0;
        }

        @Override
        public boolean isFirstOfHost() {
            return true;
        }

        @Override
        public long backend(Device device) {
            throw new IllegalStateException("one rank exchanges nothing");
        }

        @Override
        public int size() {
            return 1;
        }

        @Override
        public double[][] gather(double[] values, String what) {
            return new double[][] {values};
        }

        @Override
        public String ofFirst(Supplier<String> text, String what) {
            return text.get();
        }
    };

    /** Of this process, from 0. */
    int rank();

    /** Whether this is the first rank of its host. */
    boolean isFirstOfHost();

    /** The address of the c10d::Backend that a trainer on such a device shares with the others: Gloo's, or NCCL's. */
    long backend(Device device);

    int size();

    /**
     * Values of every rank, in the order of ranks.
     *
     * @param values as many on every rank
     * @param what for messages: "the exchange of metrics", say
     */
    double[][] gather(double[] values, String what);

    /** A text that the first rank has, on all. */
    String ofFirst(Supplier<String> text, String what);

    /** Whether this process prints and writes what there is once. */
    default boolean isFirst() {
        return rank() == 0;
    }

    default boolean areSeveral() {
        return size() > 1;
    }

    /** Sums over ranks, added in their order, so that every rank has the same bits. */
    default double[] sum(double[] values, String what) {
        if (!areSeveral()) {
            return values;
        }
        double[] sums = new double[values.length];
        for (double[] ofRank : gather(values, what)) {
            for (int i = 0; i < sums.length; i++) {
                sums[i] += ofRank[i];
            }
        }
        return sums;
    }

    /** Whether it holds on any rank. */
    default boolean any(boolean holds, String what) {
        return areSeveral() ? sum(new double[] {holds ? 1 : 0}, what)[0] > 0 : holds;
    }

    /** Until all are here. */
    default void await(String what) {
        if (areSeveral()) {
            gather(new double[] {0}, what);
        }
    }
}
