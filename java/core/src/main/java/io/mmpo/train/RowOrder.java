package io.mmpo.train;

/** The order in which an epoch visits the rows. A function of the epoch, so that a position in a run is found without a replay. */
@FunctionalInterface
interface RowOrder {
    /** A permutation of the rows' indices. epoch: from 0. */
    int[] ofEpoch(int epoch);

    /**
     * Fisher and Yates's shuffle of 0 ... numRows-1, from the last place down. Place i takes place j, where j is uniform in
     * [0, i]: the high word of random·(i+1), drawn again while the low word is below 2^64 mod (i+1) (Lemire 2019). random is
     * SplitMix64 (Steele, Lea, Flood 2014), whose state starts as mix(mix(seed) + epoch), mix being its own.
     */
    static RowOrder seeded(long seed, int numRows) {
        return epoch -> {
            SplitMix64 random = SplitMix64.ofState(SplitMix64.mix(SplitMix64.mix(seed) + epoch));
            int[] order = new int[numRows];
            for (int i = 0; i < numRows; i++) {
                order[i] = i;
            }
            for (int i = numRows - 1; i > 0; i--) {
                int j = random.below(i + 1);
                int row = order[i];
                order[i] = order[j];
                order[j] = row;
            }
            return order;
        };
    }

    /** Written out, because the JDK does not promise the same numbers from its generators for ever. */
    final class SplitMix64 {
        private static final long GAMMA = 0x9E3779B97F4A7C15L;

        private long state;

        private SplitMix64(long state) {
            this.state = state;
        }

        static SplitMix64 ofState(long state) {
            return new SplitMix64(state);
        }

        static long mix(long value) {
            long z = value;
            z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
            z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
            return z ^ (z >>> 31);
        }

        long next() {
            state += GAMMA;
            return mix(state);
        }

        /** Uniform in [0, bound). */
        int below(int bound) {
            long threshold = Long.remainderUnsigned(-bound, bound);
            while (true) {
                long random = next();
                if (Long.compareUnsigned(random * bound, threshold) >= 0) {
                    return (int) Math.unsignedMultiplyHigh(random, bound);
                }
            }
        }
    }
}
