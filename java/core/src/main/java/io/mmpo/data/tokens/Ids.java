package io.mmpo.data.tokens;

import java.util.Arrays;

/** Lists of token ids. */
public final class Ids {
    private Ids() {}

    /** A token that is read and not learnt, among those of a completion; the same again gives the id back. */
    public static int complement(int id) {
        return -1 - id;
    }

    public static boolean isLearnt(int id) {
        return id >= 0;
    }

    /** The ids themselves, whether they are learnt or not. */
    public static int[] plain(int[] ids) {
        return Arrays.stream(ids).map(id -> isLearnt(id) ? id : complement(id)).toArray();
    }

    static int[] concat(int[] a, int[] b) {
        int[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }
}
