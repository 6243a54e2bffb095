package io.mmpo.spec;

import static io.mmpo.spec.Require.require;

import java.util.List;

/**
 * What is optimized: the weighted sum of one loss or several; a loss ignores the fields that it does not name. Equations:
 * docs/losses.md.
 *
 * @param terms at least one; MMPO and SFT stand alone; rewards are those of the first
 * @param coefficients what the losses' formulas have
 * @param scale multiplies every gradient: 1 / number of pairs (SFT: of completion tokens) in the optimizer step
 * @param scoreRejected MMPO at λ = 1: false leaves the rejected completions out, their outputs are NaN
 */
public record Objective(List<LossTerm> terms, Coefficients coefficients, double scale, boolean scoreRejected) {
    /** As many as can be added up. */
    public static final int MAX_LOSSES = 8;

    /**
     * Constants of the losses.
     *
     * @param beta MMPO: weight of the reference in the reward; else inverse temperature; > 0
     * @param rewardEpsilon MMPO: constant of the chosen reward
     * @param auxWeight MMPO: λ, weight of the −log σ(Δ) term, >= 0; at exactly 1 the loss is −s_w
     * @param labelSmoothing in [0, 0.5)
     * @param gamma SimPO: target margin
     * @param discopopTau DiscoPOP: temperature of its blend, > 0
     * @param divergence of the implicit rewards; divergenceAlpha: of {@link Divergence#ALPHA_DIVERGENCE}, not 1
     * @param referenceFree implicit rewards without a reference, as CPO has them
     * @param lengthNormalize log-probabilities are divided by the completion's length
     * @param normalize MMPO: min-max normalisation of the rewards
     * @param ldAlpha LD-DPO: how much a token counts that the pair's other completion has no counterpart of, in [0, 1]
     * @param rewardAlpha AlphaPO: shape of the reward of losses without a reference; 0: none
     * @param weighted WPO: a pair counts by how likely the policy is to write it
     * @param entropyWeight how much of the chosen completions' entropy the gradient raises; 0: none
     */
    public record Coefficients(
            double beta,
            double rewardEpsilon,
            double auxWeight,
            double labelSmoothing,
            double gamma,
            double discopopTau,
            Divergence divergence,
            double divergenceAlpha,
            boolean referenceFree,
            boolean lengthNormalize,
            boolean normalize,
            double ldAlpha,
            double rewardAlpha,
            boolean weighted,
            double entropyWeight) {
        public Coefficients {
            require(Double.isFinite(beta), "beta must be > 0, got %s", beta);
            require(Double.isFinite(rewardEpsilon), "mmpo_reward_epsilon must be finite, got %s", rewardEpsilon);
            require(auxWeight >= 0 && Double.isFinite(auxWeight), "mmpo_aux_weight must be >= 0, got %s", auxWeight);
            require(
                    0 <= labelSmoothing && labelSmoothing < 0.5,
                    "label_smoothing must be in [0, 0.5), got %s",
                    labelSmoothing);
            require(Double.isFinite(gamma), "simpo_gamma must be finite, got %s", gamma);
            require(0 <= ldAlpha && ldAlpha <= 1, "ld_alpha must be in [0, 1], got %s", ldAlpha);
            require(Double.isFinite(rewardAlpha), "alpha must be finite, got %s", rewardAlpha);
            require(Double.isFinite(entropyWeight), "entropy_weight must be finite, got %s", entropyWeight);
        }

        /** Of MMPO as the paper has it, and of the other losses what they begin with. */
        public static Coefficients ofBeta(double beta) {
            return new Coefficients(
                    beta, 0.9, 1, 0, 0, 0.05, Divergence.REVERSE_KL, 0.5, false, false, true, 1, 0, false, 0);
        }
    }

    public Objective {
        terms = List.copyOf(terms);
        require(
                !terms.isEmpty() && terms.size() <= MAX_LOSSES,
                "an objective has 1 to %d losses, got %d",
                MAX_LOSSES,
                terms.size());
        boolean isSft = terms.getFirst().type() == LossType.SFT;
        require(isSft || coefficients.beta() > 0, "beta must be > 0, got %s", coefficients.beta());
        require(scale > 0 && Double.isFinite(scale), "scale must be > 0, got %s", scale);
    }

    /** Of one loss; both completions are scored. */
    public static Objective of(LossType type, Coefficients coefficients, double scale) {
        return new Objective(List.of(new LossTerm(type, 1)), coefficients, scale, true);
    }
}
