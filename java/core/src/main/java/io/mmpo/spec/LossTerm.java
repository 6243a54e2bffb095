package io.mmpo.spec;

import static io.mmpo.spec.Require.require;

/** A loss and its weight in a sum. */
public record LossTerm(LossType type, double weight) {
    public LossTerm {
        require(Double.isFinite(weight), "a loss's weight must be finite, got %s", weight);
    }
}
