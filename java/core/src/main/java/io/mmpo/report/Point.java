package io.mmpo.report;

/**
 * A value of a plot. y is NaN where there is none.
 *
 * @param note what it is, beside its numbers; may be empty
 */
record Point(double x, double y, String note) {
    /** Larger numbers are no result of anything, and would overflow in a scale. */
    private static final double LARGEST = 1e100;

    boolean isDrawable() {
        return Math.abs(x) < LARGEST && Math.abs(y) < LARGEST;
    }
}
