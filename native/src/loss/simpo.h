// SimPO: Meng, Xia and Chen, arXiv 2405.14734, per token; on sums it is what the MMPO paper compares with (its equation 8). Label
// smoothing as TRL's CPOTrainer has it.
#pragma once

#include "loss/dpo.h"

namespace mmpo {

// beta * log pi, per token where length_normalize: no reference.
MMPO_HOST_DEVICE inline ImplicitRewards simpo_rewards(double beta, bool length_normalize, const Pair& pair) {
  const double slope_w = length_normalize ? beta / pair.chosen_length : beta;
  const double slope_l = length_normalize ? beta / pair.rejected_length : beta;
  return {{slope_w * pair.chosen_logp, slope_w}, {slope_l * pair.rejected_logp, slope_l}};
}

// AlphaPO: Gupta et al., arXiv 2501.03884. A reward beta * x becomes beta * (1 - exp(-alpha x)) / alpha, of which alpha = 0 is the
// limit.
MMPO_HOST_DEVICE inline Slope shaped(const Slope& reward, double beta, double alpha) {
  const double exponent = -alpha * reward.value / beta;
  return {-beta * std::expm1(exponent) / alpha, reward.derivative * std::exp(exponent)};
}

MMPO_HOST_DEVICE inline ImplicitRewards shaped(const ImplicitRewards& rewards, double beta, double alpha) {
  if (alpha == 0) return rewards;
  return {shaped(rewards.chosen, beta, alpha), shaped(rewards.rejected, beta, alpha)};
}

MMPO_HOST_DEVICE inline PairTerms simpo_terms(const ImplicitRewards& rewards, double gamma, double label_smoothing) {
  const double z = rewards.chosen.value - rewards.rejected.value - gamma;
  return of_margin(smoothed_sigmoid(z, label_smoothing), rewards.chosen, rewards.rejected);
}

}  // namespace mmpo
