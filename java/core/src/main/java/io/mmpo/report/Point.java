package io.mmpo.report;

/**
 * A value of a plot. y is NaN where there is none.
 *
 * @param note what it is, beside its numbers; may be empty
 * @param errorX standard error of x, drawn to both sides; 0 where none is known. errorY likewise
 */
record Point(double x, double y, String note, double errorX, double errorY) {
    /** Larger numbers are no result of anything, and would overflow in a scale. */
    private static final double LARGEST = 1e100;

    Point(double x, double y, String note) {
        this(x, y, note, 0, 0);
    }

    boolean hasErrors() {
        return errorX > 0 || errorY > 0;
    }

    boolean isDrawable() {
        return Math.abs(x) < LARGEST && Math.abs(y) < LARGEST;
    }
}
