package io.mmpo.spec;

import java.util.Arrays;
import java.util.Optional;

/**
 * The f-divergence between policy and reference that an implicit reward comes from; docs/losses.md has the formulas. The order is
 * mmpo_divergence's.
 */
public enum Divergence {
    REVERSE_KL("reverse_kl"),
    FORWARD_KL("forward_kl"),
    JENSEN_SHANNON("js_divergence"),
    ALPHA_DIVERGENCE("alpha_divergence");

    private final String word;

    Divergence(String word) {
        this.word = word;
    }

    /** TRL's word for it. */
    public String word() {
        return word;
    }

    public static Optional<Divergence> named(String word) {
        return Arrays.stream(values()).filter(d -> d.word.equals(word)).findFirst();
    }
}
