// SimPO: Meng, Xia and Chen, arXiv 2405.14734 (length-normalised); without length normalisation, equation 8 of arXiv 2510.22881.
#pragma once

#include "loss/pair_loss.h"

namespace mmpo {

struct SimpoLoss {
  double beta;
  double gamma;  // target margin between the rewards
  bool length_normalize;
};

// L = -log sigma(z), z = reward_w - reward_l - gamma; gradient with respect to the two rewards.
template <typename T>
PairTerms<T> simpo_terms(T reward_w, T reward_l, T gamma);

// Rewards are beta * logp, divided by the completion's length where length_normalize is set.
template <typename T>
BasicPairOutputs<T> simpo_losses(const SimpoLoss& loss, const BasicPairInputs<T>& inputs);

}  // namespace mmpo
