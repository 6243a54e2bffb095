// f-divergences between policy and reference: Wang et al., arXiv 2309.16240. With them DPO's log-ratio u = log pi - log pi_ref
// becomes f'(exp u), up to a constant that margins lose.
#pragma once

#include "loss/pair.h"

namespace mmpo {

enum class DivergenceKind { kReverseKl, kForwardKl, kJensenShannon, kAlpha };

struct Divergence {
  DivergenceKind kind;
  double alpha;  // kAlpha: not 1, where it is reverse KL
};

// exp of it is the largest that TRL lets a float32 reach, so that the losses of far-off completions are its own.
inline constexpr double kLargestAlphaExponent = 80;

// By u: u; 1 - exp(-u); log 2 + log sigma(u); (exp((alpha - 1) u) - 1) / (alpha - 1).
MMPO_HOST_DEVICE inline Slope divergence_score(const Divergence& divergence, double log_ratio) {
  switch (divergence.kind) {
    case DivergenceKind::kForwardKl: {
      const double inverse = std::exp(-log_ratio);
      return {1 - inverse, inverse};
    }
    case DivergenceKind::kJensenShannon:
      return {0.6931471805599453 + log_sigmoid(log_ratio), sigmoid(-log_ratio)};
    case DivergenceKind::kAlpha: {
      const double exponent = (divergence.alpha - 1) * log_ratio;
      const bool clamped = exponent > kLargestAlphaExponent;
      const double power = std::exp(clamped ? kLargestAlphaExponent : exponent);
      return {(power - 1) / (divergence.alpha - 1), clamped ? 0 : power};
    }
    case DivergenceKind::kReverseKl:
      break;
  }
  return {log_ratio, 1};
}

}  // namespace mmpo
