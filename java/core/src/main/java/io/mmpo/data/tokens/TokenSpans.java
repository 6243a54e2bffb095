package io.mmpo.data.tokens;

/**
 * The tokens of a text with their places in it.
 *
 * @param ids [T]
 * @param begins [T] in code points of the text
 * @param ends [T] one past the last
 */
record TokenSpans(int[] ids, int[] begins, int[] ends) {
    int size() {
        return ids.length;
    }
}
