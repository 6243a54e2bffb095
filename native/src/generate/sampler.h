// Choosing the next token from a row of logits.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "mmpo/types.h"

namespace mmpo {

// Throws Error(MMPO_INVALID_ARGUMENT) naming the field.
void check_sampling(const mmpo_sampling& sampling);

// One sequence's random stream; the same seed and sequence give the same draws of the same logits on every machine.
class Sampler {
 public:
  Sampler(const mmpo_sampling& sampling, uint64_t sequence);

  // Greedy at temperature 0 (the first of equal maxima). Else logits / temperature, then top-k, then top-p (the smallest
  // set of most likely tokens that reaches p; Holtzman et al., arXiv 1904.09751), then a draw. Both sets are selected, not sorted.
  int32_t next(std::span<const float> logits_V);

 private:
  struct Candidate {
    int32_t token;
    float logit;
    float weight;  // its probability, times the same for all
  };
  // Of two equal logits the smaller token's.
  static bool is_likelier(const Candidate& a, const Candidate& b);

  double uniform();  // [0, 1)
  // A logit that at least top_k tokens reach.
  float least_of_top_k(std::span<const float> logits_V);
  void keep_top_k();
  // total: the mass of which top_p is a part; below 0: the candidates'.
  void keep_top_p(double total);

  mmpo_sampling sampling_;
  std::mt19937_64 random_;
  std::vector<float> weights_;
  std::vector<Candidate> candidates_;
};

}  // namespace mmpo
