// Losses of the two implicit rewards h = beta * (log pi - log pi_ref), not of their difference alone; each with its paper, formulas
// as TRL 1.13 has them.
#pragma once

#include "loss/dpo.h"

namespace mmpo {

// The terms of a function of h_w and h_l from its value and its two derivatives.
MMPO_HOST_DEVICE inline PairTerms of_rewards(double loss, double by_chosen, double by_rejected,
                                             const ImplicitRewards& h) {
  return {loss, by_chosen * h.chosen.derivative, by_rejected * h.rejected.derivative};
}

// -log sigma(h_w) - log sigma(-h_w) / 2 - log sigma(-h_l) / 2. NCA, Chen et al., arXiv 2402.05369.
MMPO_HOST_DEVICE inline PairTerms nca_pair(const ImplicitRewards& h) {
  const double w = h.chosen.value;
  const double l = h.rejected.value;
  return of_rewards(-log_sigmoid(w) - 0.5 * log_sigmoid(-w) - 0.5 * log_sigmoid(-l), -sigmoid(-w) + 0.5 * sigmoid(w),
                    0.5 * sigmoid(l), h);
}

// -log sigma(h_w) - log sigma(-h_l). BCO, Jung et al., arXiv 2404.04656, without its running shift.
MMPO_HOST_DEVICE inline PairTerms bco_pair(const ImplicitRewards& h) {
  return of_rewards(-log_sigmoid(h.chosen.value) - log_sigmoid(-h.rejected.value), -sigmoid(-h.chosen.value),
                    sigmoid(h.rejected.value), h);
}

// (u_w - 1/(2 beta))^2 + (u_l + 1/(2 beta))^2 with u = h / beta. SPPO with certain preferences, Wu et al., arXiv 2405.00675, equation 4.7.
MMPO_HOST_DEVICE inline PairTerms sppo_hard(const ImplicitRewards& h, double beta) {
  const double w = h.chosen.value / beta - 0.5 / beta;
  const double l = h.rejected.value / beta + 0.5 / beta;
  return of_rewards(w * w + l * l, 2 * w / beta, 2 * l / beta, h);
}

// 1 - sigma(h_w) + sigma(h_l): raises the chosen. APO-zero, D'Oosterlinck et al., arXiv 2408.06266, equation 7.
MMPO_HOST_DEVICE inline PairTerms apo_zero(const ImplicitRewards& h) {
  const double w = h.chosen.value;
  const double l = h.rejected.value;
  return of_rewards(sigmoid(-w) + sigmoid(l), -sigmoid(w) * sigmoid(-w), sigmoid(l) * sigmoid(-l), h);
}

// sigma(h_w) + 1 - sigma(h_w - h_l): lowers both, the rejected more. APO-down, the same, equation 8.
MMPO_HOST_DEVICE inline PairTerms apo_down(const ImplicitRewards& h) {
  const double w = h.chosen.value;
  const double z = w - h.rejected.value;
  const double of_margin = sigmoid(z) * sigmoid(-z);
  return of_rewards(sigmoid(w) + sigmoid(-z), sigmoid(w) * sigmoid(-w) - of_margin, of_margin, h);
}

}  // namespace mmpo
