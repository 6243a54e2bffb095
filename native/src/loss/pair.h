// One preference pair as a loss reads it, and what a loss says of it. Log-probabilities are sums over a completion's tokens, in
// nats. Plain data and functions: kernels take them as they are.
#pragma once

#include "loss/logistic.h"

namespace mmpo {

struct Pair {
  double chosen_logp, rejected_logp;
  double chosen_ref, rejected_ref;  // of the reference; NaN where the loss reads none
  double chosen_length, rejected_length;  // completion tokens
  double log_weight = 0;  // of WPO (wpo.h), 0 where nobody asks
};

// A pair's loss, and its derivatives by chosen_logp and rejected_logp: chain rules of scores, references and lengths are inside, the
// mean over pairs is not.
struct PairTerms {
  double loss = 0, grad_chosen = 0, grad_rejected = 0;
};

// What is logged of a pair: the loss's implicit rewards.
struct PairRewards {
  double chosen, rejected;
};

// A function of one number, and its derivative there.
struct Slope {
  double value, derivative;
};

// The terms of a loss of the margin value(score of the chosen) - value(score of the rejected), each score a function of its own
// log-probability.
MMPO_HOST_DEVICE inline PairTerms of_margin(const Slope& loss, const Slope& chosen, const Slope& rejected) {
  return {loss.value, loss.derivative * chosen.derivative, -loss.derivative * rejected.derivative};
}

}  // namespace mmpo
