// WPO: Zhou et al., arXiv 2406.11827, equation 2 with TRL's alignment. A pair's loss counts by how likely the policy is to write
// both completions itself, next to what it writes on the average; the weight has no gradient.
#pragma once

#include "loss/pair.h"

namespace mmpo {

// What one token adds to a completion's mean: log pi(token) less the log of the policy's expected probability, sum_v pi(v)^2.
MMPO_HOST_DEVICE inline double aligned(double logp, double log_squares) { return logp - log_squares; }

// The pair's loss and derivatives with its weight, exp of both completions' means.
MMPO_HOST_DEVICE inline PairTerms weighted(const PairTerms& terms, double log_weight) {
  const double weight = std::exp(log_weight);
  return {weight * terms.loss, weight * terms.grad_chosen, weight * terms.grad_rejected};
}

}  // namespace mmpo
