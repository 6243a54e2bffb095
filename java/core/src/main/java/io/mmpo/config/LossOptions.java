package io.mmpo.config;

import io.mmpo.spec.Divergence;
import io.mmpo.spec.LossTerm;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Objective;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Predicate;

/**
 * The loss, or several that are added up, and their constants; docs/losses.md has the formulas.
 *
 * @param terms at least one, the first decides what is logged as rewards
 * @param beta MMPO's weight of the reference in the reward, else the inverse temperature
 * @param rewardEpsilon MMPO's constant of the chosen reward
 * @param auxWeight MMPO's λ
 * @param normalize MMPO's min-max normalisation of the rewards over the micro-batch
 * @param lengthNormalize log-probabilities per token (MMPO, SimPO)
 * @param divergence of the implicit rewards, with divergenceAlpha where it has one
 * @param referenceFree CPO: implicit rewards without a reference model
 */
public record LossOptions(
        List<LossTerm> terms,
        double beta,
        double rewardEpsilon,
        double auxWeight,
        boolean normalize,
        boolean lengthNormalize,
        double labelSmoothing,
        double simpoGamma,
        double discopopTau,
        Divergence divergence,
        double divergenceAlpha,
        boolean referenceFree) {
    public LossOptions {
        terms = List.copyOf(terms);
        Problems problems = new Problems();
        problems.require(beta > 0 && Double.isFinite(beta), "beta", "must be > 0", beta);
        problems.require(
                rewardEpsilon >= 0 && Double.isFinite(rewardEpsilon),
                "mmpo_reward_epsilon",
                "must be >= 0",
                rewardEpsilon);
        problems.require(auxWeight >= 0 && Double.isFinite(auxWeight), "mmpo_aux_weight", "must be >= 0", auxWeight);
        problems.require(
                labelSmoothing >= 0 && labelSmoothing < 0.5, "label_smoothing", "must be in [0, 0.5)", labelSmoothing);
        problems.require(Double.isFinite(simpoGamma), "simpo_gamma", "must be a finite number", simpoGamma);
        problems.require(discopopTau > 0 && Double.isFinite(discopopTau), "discopop_tau", "must be > 0", discopopTau);
        problems.require(
                Double.isFinite(divergenceAlpha),
                "f_alpha_divergence_coef",
                "must be a finite number",
                divergenceAlpha);
        String loss = wordOf(terms.getFirst().type(), referenceFree);
        problems.refuse(
                labelSmoothing > 0 && none(terms, LossType::hasLabelSmoothing),
                "label_smoothing is for loss_type dpo, simpo, exo_pair, robust and aot, and loss_type is %s; remove it or set it to 0",
                loss);
        problems.refuse(
                labelSmoothing == 0 && !none(terms, type -> type == LossType.EXO_PAIR),
                "label_smoothing must be > 0 for loss_type exo_pair, whose formula has its logarithm; write label_smoothing: 1.0e-3");
        problems.refuse(
                divergence != Divergence.REVERSE_KL && none(terms, LossType::hasDivergence),
                "f_divergence_type is for dpo, hinge, ipo, sigmoid_norm, exo_pair, robust and discopop, and loss_type is %s; write"
                        + " reverse_kl or remove it",
                loss);
        problems.refuse(
                lengthNormalize && !takesLengthNormalize(terms.getFirst().type()) && !referenceFree,
                "length_normalize is for loss_type mmpo and simpo, and loss_type is %s; remove it or set it to false",
                loss);
        problems.throwIfAny();
    }

    private static boolean takesLengthNormalize(LossType type) {
        return type == LossType.MMPO || type == LossType.SIMPO;
    }

    private static boolean none(List<LossTerm> terms, Predicate<LossType> condition) {
        return terms.stream().map(LossTerm::type).noneMatch(condition);
    }

    /** The first loss, which decides what kind of rows there are and what is logged as rewards. */
    public LossType type() {
        return terms.getFirst().type();
    }

    public boolean isSft() {
        return type() == LossType.SFT;
    }

    /** Whether the loss reads log-probabilities of a reference model. */
    public boolean needsReference() {
        return !referenceFree && !none(terms, LossType::readsReference);
    }

    /** Whether the gradient leaves the rejected response out: MMPO's loss is -s_w at lambda = 1. */
    public boolean ignoresRejected() {
        return type() == LossType.MMPO && auxWeight == 1;
    }

    /** SimPO on sums of log-probabilities, which is not what is meant by the name elsewhere. */
    public boolean isSummedSimpo() {
        return type() == LossType.SIMPO && !lengthNormalize;
    }

    /** Whether log-probabilities are logged as means over tokens, as TRL logs those of a loss that is made from such means. */
    public boolean logsMeanLogps() {
        return type() == LossType.ORPO || (lengthNormalize && type() != LossType.MMPO);
    }

    /** As loss_type says it: a word, or a list where several are added up. */
    Object words() {
        boolean isSum = terms.size() > 1 && likelihoodOfLossWithoutReference().isEmpty();
        return isSum
                ? terms.stream()
                        .map(term -> term.type() == LossType.CHOSEN_NLL ? "sft" : wordOf(term.type(), false))
                        .toList()
                : wordOf(type(), referenceFree);
    }

    /** loss_weights of a sum; empty where there is one loss of weight 1. */
    List<Double> weights() {
        boolean isPlain = terms.stream().allMatch(term -> term.weight() == 1)
                || likelihoodOfLossWithoutReference().isPresent()
                || type() == LossType.ORPO;
        return isPlain ? List.of() : terms.stream().map(LossTerm::weight).toList();
    }

    /** cpo_alpha; empty where the loss has none. */
    OptionalDouble cpoAlpha() {
        boolean takesAlpha = referenceFree || type() == LossType.SIMPO;
        return takesAlpha ? OptionalDouble.of(likelihoodOfLossWithoutReference().orElse(0.0)) : OptionalDouble.empty();
    }

    /** The weight of the chosen's likelihood beside CPO's, SimPO's or ORPO's loss. */
    private Optional<Double> likelihoodOfLossWithoutReference() {
        boolean isOne = referenceFree || type() == LossType.SIMPO || type() == LossType.ORPO;
        return terms.stream()
                .filter(term -> isOne && term.type() == LossType.CHOSEN_NLL)
                .map(LossTerm::weight)
                .findFirst();
    }

    private static String wordOf(LossType type, boolean referenceFree) {
        return referenceFree && type == LossType.DPO ? "cpo" : type.word().orElseThrow();
    }

    /** scale: 1 / the number of pairs (SFT: tokens) in the optimizer step. */
    public Objective objective(double scale, boolean scoreRejected) {
        return new Objective(
                terms,
                new Objective.Coefficients(
                        beta,
                        rewardEpsilon,
                        auxWeight,
                        labelSmoothing,
                        simpoGamma,
                        discopopTau,
                        divergence,
                        divergenceAlpha,
                        referenceFree,
                        lengthNormalize,
                        normalize),
                scale,
                scoreRejected);
    }
}
