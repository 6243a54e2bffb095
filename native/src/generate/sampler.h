// Choosing the next token from a row of logits: on the CPU, and on a GPU where the logits are.
// Shapes: n rows, V logits.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "generate/draw.h"
#include "mmpo/types.h"

namespace mmpo {

using at::Tensor;

// Throws Error(MMPO_INVALID_ARGUMENT) naming the field.
void check_sampling(const mmpo_sampling& sampling);

DrawSettings draw_settings(const mmpo_sampling& sampling);

// One sequence's random stream; the same seed and sequence give the same draws of the same logits on every machine.
class Sampler {
 public:
  Sampler(const mmpo_sampling& sampling, uint64_t sequence);

  // Greedy at temperature 0 (the first of equal maxima). Else logits / temperature, then top-k, then top-p (the smallest
  // set of most likely tokens that reaches p; Holtzman et al., arXiv 1904.09751), then a draw among them in the order of tokens. Both
  // sets are selected, not sorted.
  int32_t next(std::span<const float> logits_V);
  // The number in [0, 1) that the next draw of the stream takes.
  double uniform();

 private:
  struct Candidate {
    int32_t token;
    float logit;
    float weight;  // its probability, times the same for all
  };
  // Of two equal logits the smaller token's.
  static bool is_likelier(const Candidate& a, const Candidate& b);

  // A logit that at least top_k tokens reach.
  float least_of_top_k(std::span<const float> logits_V);
  // Of the candidates this one and all that are likelier.
  void keep_to(const Candidate& last);
  void keep_top_k();
  // total: the mass of which top_p is a part; below 0: the candidates'.
  void keep_top_p(double total);

  mmpo_sampling sampling_;
  std::mt19937_64 random_;
  std::vector<float> weights_;
  std::vector<Candidate> candidates_;  // in the order of tokens
  std::vector<Candidate> ranked_;
};

// int32 [n] on a GPU: of each row of logits what Sampler draws with the same uniform number (at temperature 0 there is none to give: any
// will do), or -1 where a logit is not finite. Which rows are there does not show in a row's token.
Tensor draw_on_gpu(const Tensor& logits_nV, const mmpo_sampling& sampling, const std::vector<double>& uniforms_n);
// Throws Error(MMPO_NON_FINITE) where a token is -1, as Sampler does.
void check_drawn(std::span<const int32_t> tokens);

}  // namespace mmpo
