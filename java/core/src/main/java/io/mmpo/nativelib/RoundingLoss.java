package io.mmpo.nativelib;

import io.mmpo.spec.WeightType;
import java.util.Locale;

/**
 * What rounding to a file's type left of an update: the difference of trained weights from those that training (or an adapter) began
 * with. The rounded update is that of the two after both were rounded.
 *
 * @param moved weights whose update is not 0
 * @param kept of them, those whose rounded update is not 0 either
 * @param updateSquares the sum of squares of the update
 */
public record RoundingLoss(long weights, long moved, long kept, double updateSquares, double roundedSquares) {
    public static final RoundingLoss NONE = new RoundingLoss(0, 0, 0, 0, 0);

    /** Below it a run warns. */
    public static final double ENOUGH = 0.9;

    public RoundingLoss plus(RoundingLoss other) {
        return new RoundingLoss(
                weights + other.weights,
                moved + other.moved,
                kept + other.kept,
                updateSquares + other.updateSquares,
                roundedSquares + other.roundedSquares);
    }

    /** Of the weights that moved, those that still differ. */
    public double keptShare() {
        return moved == 0 ? 1 : (double) kept / moved;
    }

    /** The rounded update's norm in that of the update. */
    public double normRatio() {
        return updateSquares == 0 ? 1 : Math.sqrt(roundedSquares / updateSquares);
    }

    public boolean isLarge() {
        return !(keptShare() >= ENOUGH && normRatio() >= ENOUGH);
    }

    /** In one sentence, without a full stop. */
    public String describe(WeightType type) {
        return String.format(
                Locale.ROOT,
                "%.1f%% of the weights moved, of these %.1f%% still differ after rounding to %s, and the rounded update's norm is %.1f%% of"
                        + " the update's",
                weights == 0 ? 0 : 100.0 * moved / weights,
                100 * keptShare(),
                type.key(),
                100 * normRatio());
    }
}
