package io.mmpo.spec;

import java.util.Arrays;
import java.util.Optional;

/**
 * What is minimised, alone or as a part of a sum; docs/losses.md has the equations. SFT is of completions, the others of pairs. The
 * order is mmpo_loss's.
 */
public enum LossType {
    MMPO("mmpo"),
    DPO("dpo", "sigmoid"),
    SIMPO("simpo", "alphapo"),
    SFT("sft", "nll", "chunked_nll"),
    HINGE("hinge"),
    IPO("ipo"),
    SIGMOID_NORM("sigmoid_norm"),
    EXO_PAIR("exo_pair"),
    ROBUST("robust"),
    DISCOPOP("discopop"),
    NCA_PAIR("nca_pair"),
    BCO_PAIR("bco_pair"),
    SPPO_HARD("sppo_hard"),
    APO_ZERO("apo_zero"),
    APO_DOWN("apo_down"),
    AOT("aot"),
    AOT_UNPAIRED("aot_unpaired"),
    /** ORPO's odds ratio; with {@link #CHOSEN_NLL} it is ORPO. */
    ORPO("orpo"),
    /** The likelihood of the chosen responses, a part of a sum. */
    CHOSEN_NLL;

    private final String[] names;

    LossType(String... names) {
        this.names = names;
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

    /** Whether it is of TRL's DPOTrainer, which counts tokens and weighs pairs where it is told to. */
    public boolean isOfDpo() {
        return readsReference() && this != MMPO;
    }

    /** Whether it is a function of the margin of two implicit rewards, which an f-divergence changes. */
    public boolean hasDivergence() {
        return switch (this) {
            case DPO, HINGE, IPO, SIGMOID_NORM, EXO_PAIR, ROBUST, DISCOPOP -> true;
            default -> false;
        };
    }

    /** Whether log-probabilities are logged as means over tokens, as TRL logs those of a loss that is made from such means. */
    public boolean logsMeanLogps(boolean lengthNormalize) {
        return this == ORPO || (lengthNormalize && this != MMPO);
    }

    /** Whether label_smoothing is in its formula. */
    public boolean hasLabelSmoothing() {
        return switch (this) {
            case DPO, SIMPO, EXO_PAIR, ROBUST, AOT, AOT_UNPAIRED -> true;
            default -> false;
        };
    }
}
