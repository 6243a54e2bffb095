package io.mmpo.data.tokens;

import java.util.Arrays;

/** Lists of token ids. */
final class Ids {
    private Ids() {}

    static int[] concat(int[] a, int[] b) {
        int[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }
}
