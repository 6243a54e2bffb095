package io.mmpo.config;

/**
 * A number of optimizer steps, or in [0, 1) the share of all steps of the run, as Hugging Face reads logging_steps,
 * eval_steps, save_steps and warmup_steps.
 */
public record StepCount(double value) {
    /** Steps of a run of {@code totalSteps}: a share is rounded up. */
    public int of(int totalSteps) {
        return value >= 1 ? (int) value : (int) Math.ceil(totalSteps * value);
    }

    static final String INTERVAL_WANTED = "must be a whole number of steps or a share in (0, 1)";
    static final String LENGTH_WANTED = "must be a whole number of steps or a share in [0, 1)";

    /** Whether it is an interval between two events: a whole number of steps, or a share above 0. */
    boolean isInterval() {
        return value > 0 && isShareOrWhole(value);
    }

    /** Whether it is a length, which may be 0. */
    boolean isLength() {
        return value >= 0 && isShareOrWhole(value);
    }

    private static boolean isShareOrWhole(double value) {
        return value < 1 || (value == Math.rint(value) && value <= Integer.MAX_VALUE);
    }

    /** A whole number where it is one, for configuration files. */
    Number toNumber() {
        return value == Math.rint(value) && Math.abs(value) <= Integer.MAX_VALUE
                ? (Number) (long) value
                : (Number) value;
    }

    @Override
    public String toString() {
        return Echo.number(value);
    }
}
