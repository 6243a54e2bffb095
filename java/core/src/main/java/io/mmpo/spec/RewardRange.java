package io.mmpo.spec;

import static io.mmpo.spec.Require.require;

/** Smallest and largest MMPO reward to normalise with, where they are not those of the micro-batch itself. */
public record RewardRange(double minimum, double maximum) {
    public RewardRange {
        require(
                Double.isFinite(minimum) && Double.isFinite(maximum) && minimum <= maximum,
                "a reward range must be finite with minimum <= maximum, got [%s, %s]",
                minimum,
                maximum);
    }
}
