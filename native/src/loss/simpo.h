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

MMPO_HOST_DEVICE inline PairTerms simpo_terms(const ImplicitRewards& rewards, double gamma, double label_smoothing) {
  const double z = rewards.chosen.value - rewards.rejected.value - gamma;
  return of_margin(smoothed_sigmoid(z, label_smoothing), rewards.chosen, rewards.rejected);
}

}  // namespace mmpo
