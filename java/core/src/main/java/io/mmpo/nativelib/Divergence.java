package io.mmpo.nativelib;

import java.util.Arrays;
import java.util.Optional;

/** The f-divergence between policy and reference that an implicit reward comes from; docs/losses.md has the formulas. */
public enum Divergence {
    REVERSE_KL(0, "reverse_kl"),
    FORWARD_KL(1, "forward_kl"),
    JENSEN_SHANNON(2, "js_divergence"),
    ALPHA_DIVERGENCE(3, "alpha_divergence");

    private final int code;
    private final String word;

    Divergence(int code, String word) {
        this.code = code;
        this.word = word;
    }

    /** Its mmpo_divergence. */
    int code() {
        return code;
    }

    /** TRL's word for it. */
    public String word() {
        return word;
    }

    public static Optional<Divergence> named(String word) {
        return Arrays.stream(values()).filter(d -> d.word.equals(word)).findFirst();
    }
}
