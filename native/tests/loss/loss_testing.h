// What the loss tests share: objectives, pairs, and central differences.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "loss/pair_losses.h"

namespace mmpo::testing {

// One loss of weight 1.
inline mmpo_objective objective_of(int32_t loss, double beta) {
  mmpo_objective objective{};
  objective.ld_alpha = 1;
  objective.losses[0] = loss;
  objective.loss_weights[0] = 1;
  objective.num_losses = 1;
  objective.beta = beta;
  objective.reward_epsilon = 0.9;
  objective.aux_weight = 1;
  objective.normalize = 1;
  objective.discopop_tau = 0.05;
  return objective;
}

// Truncation error h^2 and rounding 1e-16 / h balance at about 1e-10.
inline double central_difference(const std::function<double(double)>& f, double at) {
  constexpr double kStep = 1e-5;
  return (f(at + kStep) - f(at - kStep)) / (2 * kStep);
}

inline double sum_of_losses(const mmpo_objective& objective, const BatchFacts& facts, const std::vector<Pair>& pairs) {
  double sum = 0;
  for (const PairTerms& terms : pair_losses(objective, facts, pairs)) sum += terms.loss;
  return sum;
}

// Derivatives of the sum of the pairs' losses with respect to their summed log-probabilities.
inline void expect_gradient_check(const mmpo_objective& objective, const std::vector<Pair>& pairs) {
  const BatchFacts facts = facts_of(objective, pairs);
  const std::vector<PairTerms> terms = pair_losses(objective, facts, pairs);
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto moved = [&](double Pair::* side) {
      return [&, side](double logp) {
        std::vector<Pair> others = pairs;
        others[i].*side = logp;
        return sum_of_losses(objective, facts, others);
      };
    };
    EXPECT_NEAR(terms[i].grad_chosen, central_difference(moved(&Pair::chosen_logp), pairs[i].chosen_logp), 2e-8) << i;
    EXPECT_NEAR(terms[i].grad_rejected, central_difference(moved(&Pair::rejected_logp), pairs[i].rejected_logp), 2e-8)
        << i;
  }
}

}  // namespace mmpo::testing
