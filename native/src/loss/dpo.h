// DPO: Rafailov et al., arXiv 2305.18290; with label smoothing the conservative form (Mitchell 2023). Its margin is what the other
// losses of implicit rewards are written in.
#pragma once

#include "loss/divergence.h"

namespace mmpo {

// beta * f'(pi / pi_ref) of both completions by their log-probabilities: DPO's implicit rewards where the divergence is reverse KL.
struct ImplicitRewards {
  Slope chosen, rejected;
};

MMPO_HOST_DEVICE inline ImplicitRewards implicit_rewards(double beta, const Divergence& divergence, const Pair& pair) {
  const Slope w = divergence_score(divergence, pair.chosen_logp - pair.chosen_ref);
  const Slope l = divergence_score(divergence, pair.rejected_logp - pair.rejected_ref);
  return {{beta * w.value, beta * w.derivative}, {beta * l.value, beta * l.derivative}};
}

// Each score and its derivative divided by its completion's tokens.
MMPO_HOST_DEVICE inline ImplicitRewards per_token(const ImplicitRewards& rewards, const Pair& pair) {
  return {{rewards.chosen.value / pair.chosen_length, rewards.chosen.derivative / pair.chosen_length},
          {rewards.rejected.value / pair.rejected_length, rewards.rejected.derivative / pair.rejected_length}};
}

// -(1 - e) * log sigma(z) - e * log sigma(-z).
MMPO_HOST_DEVICE inline Slope smoothed_sigmoid(double z, double label_smoothing) {
  const double keep = 1 - label_smoothing;
  // keep * sigma(-z) - e * sigma(z) is the probability mass that the model still lacks.
  const double lacking = keep * sigmoid(-z) - label_smoothing * sigmoid(z);
  return {-keep * log_sigmoid(z) - label_smoothing * log_sigmoid(-z), -lacking};
}

MMPO_HOST_DEVICE inline PairTerms dpo_terms(const ImplicitRewards& rewards, double label_smoothing) {
  const double z = rewards.chosen.value - rewards.rejected.value;
  return of_margin(smoothed_sigmoid(z, label_smoothing), rewards.chosen, rewards.rejected);
}

}  // namespace mmpo
