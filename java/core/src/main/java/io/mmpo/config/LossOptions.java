package io.mmpo.config;

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
        problems.refuse(
                labelSmoothing > 0 && type != LossType.DPO,
                "label_smoothing is for loss_type dpo, and loss_type is %s; remove it or set it to 0",
                ConfigKeys.lowerCase(type));
        problems.refuse(
                lengthNormalize && type != LossType.MMPO && type != LossType.SIMPO,
                "length_normalize is for loss_type mmpo and simpo, and loss_type is %s; remove it or set it to false",
                ConfigKeys.lowerCase(type));
        problems.throwIfAny();
    }

    /** Whether the loss reads log-probabilities of a reference model. */
    public boolean needsReference() {
        return type == LossType.MMPO || type == LossType.DPO;
    }

    /** Whether the gradient leaves the rejected response out: MMPO's loss is -s_w at lambda = 1. */
    public boolean ignoresRejected() {
        return type == LossType.MMPO && auxWeight == 1;
    }

    /** SimPO on sums of log-probabilities, which is not what is meant by the name elsewhere. */
    public boolean isSummedSimpo() {
        return type == LossType.SIMPO && !lengthNormalize;
    }

    /** Whether log-probabilities are logged as means over tokens, as TRL logs those of a loss that is made from such means. */
    public boolean logsMeanLogps() {
        return type == LossType.SIMPO && lengthNormalize;
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
