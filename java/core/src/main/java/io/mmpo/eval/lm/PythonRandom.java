package io.mmpo.eval.lm;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Python's random.Random of a seed below 2^32: the Mersenne Twister, and the samples that it draws. */
final class PythonRandom {
    private static final int N = 624;
    private static final int M = 397;
    private static final int UPPER = 0x80000000;
    private static final int LOWER = 0x7fffffff;
    private static final int MATRIX = 0x9908b0df;

    private final int[] state = new int[N];
    private int next = N;

    PythonRandom(int seed) {
        seedByArray(seed);
    }

    /** init_by_array of the reference implementation, for a key of one word. */
    private void seedByArray(int key) {
        state[0] = 19650218;
        for (int i = 1; i < N; i++) {
            state[i] = 1812433253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
        }
        int i = 1;
        for (int k = 0; k < N; k++) {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >>> 30)) * 1664525)) + key;
            i = after(i);
        }
        for (int k = 0; k < N - 1; k++) {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >>> 30)) * 1566083941)) - i;
            i = after(i);
        }
        state[0] = UPPER;
    }

    /** The next place but for the first, which takes over the last one's state at the end. */
    private int after(int i) {
        if (i + 1 < N) {
            return i + 1;
        }
        state[0] = state[N - 1];
        return 1;
    }

    private int nextWord() {
        if (next == N) {
            for (int i = 0; i < N; i++) {
                int y = (state[i] & UPPER) | (state[(i + 1) % N] & LOWER);
                state[i] = state[(i + M) % N] ^ (y >>> 1) ^ ((y & 1) == 0 ? 0 : MATRIX);
            }
            next = 0;
        }
        int y = state[next++];
        y ^= y >>> 11;
        y ^= (y << 7) & 0x9d2c5680;
        y ^= (y << 15) & 0xefc60000;
        return y ^ (y >>> 18);
    }

    /** In [0, bound), drawn until one fits. */
    private int below(int bound) {
        int bits = Integer.SIZE - Integer.numberOfLeadingZeros(bound);
        while (true) {
            int drawn = nextWord() >>> (Integer.SIZE - bits);
            if (drawn < bound) {
                return drawn;
            }
        }
    }

    /** random.sample(population, count); count is at most the population's size. */
    <T> List<T> sample(List<T> population, int count) {
        int size = population.size();
        int setSize = 21;
        if (count > 5) {
            setSize += (int) Math.pow(4, Math.ceil(Math.log(3.0 * count) / Math.log(4)));
        }
        List<T> sample = new ArrayList<>();
        if (size <= setSize) {
            List<T> pool = new ArrayList<>(population);
            for (int i = 0; i < count; i++) {
                int drawn = below(size - i);
                sample.add(pool.get(drawn));
                pool.set(drawn, pool.get(size - i - 1));
            }
        } else {
            Set<Integer> selected = new LinkedHashSet<>();
            while (selected.size() < count) {
                selected.add(below(size));
            }
            selected.forEach(drawn -> sample.add(population.get(drawn)));
        }
        return sample;
    }
}
