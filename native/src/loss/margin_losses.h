// Losses of DPO's margin z = beta * (score_w - score_l) alone, each with its paper; formulas as TRL 1.13 has them.
#pragma once

#include "loss/dpo.h"

namespace mmpo {

// max(0, 1 - z). SLiC-HF, Zhao et al., arXiv 2305.10425; RSO, Liu et al., arXiv 2309.06657.
MMPO_HOST_DEVICE inline Slope hinge(double z) { return {z < 1 ? 1 - z : 0, z < 1 ? -1.0 : 0.0}; }

// (z - 1/2)^2 / beta^2 of scores per token: Azar et al., arXiv 2310.12036, equation 17. In TRL's terms (u - 1/(2 beta))^2 with u = z / beta.
MMPO_HOST_DEVICE inline Slope ipo(double z, double beta) {
  const double distance = z / beta - 1 / (2 * beta);
  return {distance * distance, 2 * distance / beta};
}

// KL of (sigma(z), sigma(-z)) from (1 - e, e), 0 < e < 1/2: EXO with two completions, Ji et al., arXiv 2402.00856, equation 16.
// TRL takes e and the logarithms of the labels in float32, so they are here: its values, to the last digits.
MMPO_HOST_DEVICE inline Slope exo_pair(double z, double label_smoothing) {
  const double toward_w = sigmoid(z);
  const double toward_l = sigmoid(-z);
  const double e = static_cast<float>(label_smoothing);
  const double of_w = log_sigmoid(z) - static_cast<double>(static_cast<float>(std::log1p(-e)));
  const double of_l = log_sigmoid(-z) - static_cast<double>(static_cast<float>(std::log(e)));
  return {toward_w * of_w + toward_l * of_l, toward_w * toward_l * (of_w - of_l)};
}

// (-(1 - e) log sigma(z) + e log sigma(-z)) / (1 - 2e): unbiased where labels are flipped with probability e. Chowdhury et al.,
// arXiv 2403.00409.
MMPO_HOST_DEVICE inline Slope robust(double z, double label_smoothing) {
  const double e = label_smoothing;
  const double share = 1 - 2 * e;
  return {(-(1 - e) * log_sigmoid(z) + e * log_sigmoid(-z)) / share, -((1 - e) * sigmoid(-z) + e * sigmoid(z)) / share};
}

// A blend of the logistic and the exponential loss by sigma(z / tau): DiscoPOP, Lu et al., arXiv 2406.08414, equation 5.
MMPO_HOST_DEVICE inline Slope discopop(double z, double tau) {
  const double blend = sigmoid(z / tau);
  const double logistic = -log_sigmoid(z);
  const double exponential = std::exp(-z);
  const double blend_slope = blend * sigmoid(-z / tau) / tau;
  return {logistic * (1 - blend) + exponential * blend,
          -sigmoid(-z) * (1 - blend) - exponential * blend + (exponential - logistic) * blend_slope};
}

}  // namespace mmpo
