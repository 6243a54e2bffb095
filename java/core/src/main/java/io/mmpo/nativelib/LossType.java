package io.mmpo.nativelib;

import java.util.Arrays;
import java.util.Optional;

/** What is minimised, alone or as a part of a sum; docs/losses.md has the equations. SFT is of completions, the others of pairs. */
public enum LossType {
    MMPO(0, "mmpo"),
    DPO(1, "dpo", "sigmoid"),
    SIMPO(2, "simpo"),
    SFT(3, "sft", "nll", "chunked_nll"),
    HINGE(4, "hinge"),
    IPO(5, "ipo"),
    SIGMOID_NORM(6, "sigmoid_norm"),
    EXO_PAIR(7, "exo_pair"),
    ROBUST(8, "robust"),
    DISCOPOP(9, "discopop"),
    NCA_PAIR(10, "nca_pair"),
    BCO_PAIR(11, "bco_pair"),
    SPPO_HARD(12, "sppo_hard"),
    APO_ZERO(13, "apo_zero"),
    APO_DOWN(14, "apo_down"),
    AOT(15, "aot"),
    AOT_UNPAIRED(16, "aot_unpaired"),
    /** ORPO's odds ratio; with {@link #CHOSEN_NLL} it is ORPO. */
    ORPO(17, "orpo"),
    /** The likelihood of the chosen responses, a part of a sum. */
    CHOSEN_NLL(18);

    private final int code;
    private final String[] names;

    LossType(int code, String... names) {
        this.code = code;
        this.names = names;
    }

    /** Its mmpo_loss. */
    int code() {
        return code;
    }

    /** The loss of a configuration's word: this project's, or TRL's. */
    public static Optional<LossType> named(String word) {
        return Arrays.stream(values())
                .filter(loss -> Arrays.asList(loss.names).contains(word))
                .findFirst();
    }

    /** This project's word for it; empty where it is none alone. */
    public Optional<String> word() {
        return names.length == 0 ? Optional.empty() : Optional.of(names[0]);
    }

    /** Whether it reads log-probabilities of a reference model where there is one. */
    public boolean readsReference() {
        return switch (this) {
            case SIMPO, SFT, ORPO, CHOSEN_NLL -> false;
            default -> true;
        };
    }

    /** Whether it is a function of the margin of two implicit rewards, which an f-divergence changes. */
    public boolean hasDivergence() {
        return switch (this) {
            case DPO, HINGE, IPO, SIGMOID_NORM, EXO_PAIR, ROBUST, DISCOPOP -> true;
            default -> false;
        };
    }

    /** Whether label_smoothing is in its formula. */
    public boolean hasLabelSmoothing() {
        return switch (this) {
            case DPO, SIMPO, EXO_PAIR, ROBUST, AOT, AOT_UNPAIRED -> true;
            default -> false;
        };
    }
}
