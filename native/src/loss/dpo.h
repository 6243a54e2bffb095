// DPO: Rafailov et al., arXiv 2305.18290; equation 9 of arXiv 2510.22881. With label smoothing, conservative DPO (Mitchell, 2023).
#pragma once

#include "loss/pair_loss.h"

namespace mmpo {

struct DpoLoss {
  double beta;
  double label_smoothing;  // probability that a preference is flipped, in [0, 0.5)
};

// L = -(1 - e) * log sigma(z) - e * log sigma(-z), z the margin of the rewards; gradient with respect to the two rewards.
template <typename T>
PairTerms<T> dpo_terms(T reward_w, T reward_l, T label_smoothing);

// Rewards are beta * (logp - ref).
template <typename T>
BasicPairOutputs<T> dpo_losses(const DpoLoss& loss, const BasicPairInputs<T>& inputs);

}  // namespace mmpo
