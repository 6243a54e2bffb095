package io.mmpo.eval;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Python's random.Random: the Mersenne Twister, and what it draws. */
public final class PythonRandom {
    private static final int SHA512_BYTES = 64;
    private static final int N = 624;
    private static final int M = 397;
    private static final int UPPER = 0x80000000;
    private static final int LOWER = 0x7fffffff;
    private static final int MATRIX = 0x9908b0df;

    private final int[] state = new int[N];
    private int next = N;

    private PythonRandom(int[] key) {
        seedByArray(key);
    }

    /** random.Random(seed) of a number of at least 0. */
    public static PythonRandom of(int seed) {
        return new PythonRandom(new int[] {seed});
    }

    /** random.Random(seed) of a text: the number whose bytes, the first the most significant, are the text's and those of its SHA-512. */
    public static PythonRandom of(String seed) {
        byte[] text = seed.getBytes(StandardCharsets.UTF_8);
        byte[] bytes = Arrays.copyOf(text, text.length + SHA512_BYTES);
        System.arraycopy(sha512(text), 0, bytes, text.length, SHA512_BYTES);
        int[] key = new int[Math.ceilDiv(bytes.length, Integer.BYTES)];
        for (int i = 0; i < bytes.length; i++) {
            int fromTheLast = bytes.length - 1 - i;
            key[i / Integer.BYTES] |= (bytes[fromTheLast] & 0xff) << (Byte.SIZE * (i % Integer.BYTES));
        }
        int words = key.length;
        while (words > 1 && key[words - 1] == 0) {
            words--;
        }
        return new PythonRandom(Arrays.copyOf(key, words));
    }

    private static byte[] sha512(byte[] text) {
        try {
            return MessageDigest.getInstance("SHA-512").digest(text);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-512", e);
        }
    }

    /** init_by_array of the reference implementation; the key's first word is the least significant. */
    private void seedByArray(int[] key) {
        state[0] = 19650218;
        for (int i = 1; i < N; i++) {
            state[i] = 1812433253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
        }
        int i = 1;
        for (int k = 0; k < Math.max(N, key.length); k++) {
            int j = k % key.length;
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >>> 30)) * 1664525)) + key[j] + j;
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

    /** random.choices([False, True])[0]. */
    public boolean choice() {
        boolean isTrue = nextWord() < 0; // random() >= 0.5, which its first bit says
        nextWord();
        return isTrue;
    }

    /** random.sample(population, count); count is at most the population's size. */
    public <T> List<T> sample(List<T> population, int count) {
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
