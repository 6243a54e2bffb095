// LD-DPO: Liu et al., arXiv 2409.06411. Of a pair's longer completion the tokens beyond the shorter one's length count less.
#pragma once

#include "loss/logistic.h"

namespace mmpo {

// What a token's log-probability counts in its completion's sum, and the sum's gradient in the token's. token: from 0.
MMPO_HOST_DEVICE inline double token_share(double ld_alpha, double token, double length, double other_length) {
  return token < (length < other_length ? length : other_length) ? 1 : ld_alpha;
}

}  // namespace mmpo
