// Choosing the next token from a row of logits.
#pragma once

#include <cstdint>
#include <random>
#include <span>

#include "mmpo/types.h"

namespace mmpo {

// Throws Error(MMPO_INVALID_ARGUMENT) naming the field.
void check_sampling(const mmpo_sampling& sampling);

// One sequence's random stream; the same seed and sequence give the same draws on every machine.
class Sampler {
 public:
  Sampler(const mmpo_sampling& sampling, uint64_t sequence);

  // Greedy at temperature 0 (the first of equal maxima). Else logits / temperature, then top-k, then top-p (the smallest
  // set of most likely tokens that reaches p; Holtzman et al., arXiv 1904.09751), then a draw.
  int32_t next(std::span<const float> logits_V);

 private:
  mmpo_sampling sampling_;
  std::mt19937_64 random_;
};

}  // namespace mmpo
