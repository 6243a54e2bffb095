package io.mmpo.nativelib;

import static io.mmpo.nativelib.Require.require;

/**
 * What is optimized; a loss ignores the fields that it does not name. Equations: docs/losses.md.
 *
 * @param beta MMPO: weight of the reference in the reward; DPO and SimPO: inverse temperature; > 0
 * @param rewardEpsilon MMPO: constant of the chosen reward
 * @param auxWeight MMPO: λ, weight of the −log σ(Δ) term, >= 0; at exactly 1 the loss is −s_w
 * @param labelSmoothing DPO: in [0, 0.5)
 * @param gamma SimPO: target margin
 * @param scale multiplies every gradient: 1 / number of pairs (SFT: of completion tokens) in the optimizer step
 * @param lengthNormalize log-probabilities are divided by the completion's length
 * @param normalize MMPO: min-max normalisation of the rewards
 * @param scoreRejected MMPO at λ = 1: false leaves the rejected completions out, their outputs are NaN
 */
public record Objective(
        LossType loss,
        double beta,
        double rewardEpsilon,
        double auxWeight,
        double labelSmoothing,
        double gamma,
        double scale,
        boolean lengthNormalize,
        boolean normalize,
        boolean scoreRejected) {
    public Objective {
        require(loss != null, "a loss must be given");
        require(loss == LossType.SFT || (beta > 0 && Double.isFinite(beta)), "beta must be > 0, got %s", beta);
        require(Double.isFinite(rewardEpsilon), "mmpo_reward_epsilon must be finite, got %s", rewardEpsilon);
        require(auxWeight >= 0 && Double.isFinite(auxWeight), "mmpo_aux_weight must be >= 0, got %s", auxWeight);
        require(
                0 <= labelSmoothing && labelSmoothing < 0.5,
                "label_smoothing must be in [0, 0.5), got %s",
                labelSmoothing);
        require(Double.isFinite(gamma), "simpo_gamma must be finite, got %s", gamma);
        require(scale > 0 && Double.isFinite(scale), "scale must be > 0, got %s", scale);
    }
}
