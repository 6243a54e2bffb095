package io.mmpo.config;

import static io.mmpo.config.Checks.require;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.LossType;
import io.mmpo.nativelib.Objective;

/**
 * The loss and its constants. beta: MMPO's weight of the reference in the reward, DPO's and SimPO's inverse temperature.
 * rewardEpsilon: MMPO's constant of the chosen reward. auxWeight: MMPO's lambda. normalize: MMPO's min-max normalisation of
 * the rewards over the micro-batch. lengthNormalize: log-probabilities per token (MMPO, SimPO).
 */
public record LossOptions(
        LossType type,
        double beta,
        double rewardEpsilon,
        double auxWeight,
        boolean normalize,
        boolean lengthNormalize,
        double labelSmoothing,
        double simpoGamma) {
    public LossOptions {
        require(beta > 0 && Double.isFinite(beta), "beta", "must be > 0", beta);
        require(
                rewardEpsilon >= 0 && Double.isFinite(rewardEpsilon),
                "mmpo_reward_epsilon",
                "must be >= 0",
                rewardEpsilon);
        require(auxWeight >= 0 && Double.isFinite(auxWeight), "mmpo_aux_weight", "must be >= 0", auxWeight);
        require(labelSmoothing >= 0 && labelSmoothing < 0.5, "label_smoothing", "must be in [0, 0.5)", labelSmoothing);
        require(Double.isFinite(simpoGamma), "simpo_gamma", "must be a finite number", simpoGamma);
        if (labelSmoothing > 0 && type != LossType.DPO) {
            throw MmpoException.configuration(
                    "label_smoothing is for loss_type dpo, and loss_type is %s; remove it or set it to 0",
                    ConfigKeys.lowerCase(type));
        }
        if (lengthNormalize && type != LossType.MMPO && type != LossType.SIMPO) {
            throw MmpoException.configuration(
                    "length_normalize is for loss_type mmpo and simpo, and loss_type is %s; remove it or set it to false",
                    ConfigKeys.lowerCase(type));
        }
    }

    /** Whether the loss reads log-probabilities of a reference model. */
    public boolean needsReference() {
        return type == LossType.MMPO || type == LossType.DPO;
    }

    /** Whether the gradient leaves the rejected response out: MMPO's loss is -s_w at lambda = 1. */
    public boolean ignoresRejected() {
        return type == LossType.MMPO && auxWeight == 1;
    }

    /** scale: 1 / the number of pairs (SFT: tokens) in the optimizer step. */
    public Objective objective(double scale, boolean scoreRejected) {
        return new Objective(
                type,
                beta,
                rewardEpsilon,
                auxWeight,
                labelSmoothing,
                simpoGamma,
                scale,
                lengthNormalize,
                normalize,
                scoreRejected);
    }
}
