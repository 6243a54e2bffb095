// What the loss tests share: batches that own their arrays, and central differences.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "loss/pair_loss.h"

namespace mmpo::testing {

struct PairBatch {
  std::vector<double> chosen, rejected, ref_chosen, ref_rejected;
  std::vector<int32_t> chosen_lengths = {}, rejected_lengths = {};

  PairInputs inputs() const { return {chosen, rejected, ref_chosen, ref_rejected, chosen_lengths, rejected_lengths}; }
};

// Truncation error h^2 and rounding 1e-16 / h balance at about 1e-10.
inline double central_difference(const std::function<double(double)>& f, double at) {
  constexpr double kStep = 1e-5;
  return (f(at + kStep) - f(at - kStep)) / (2 * kStep);
}

// Gradients of every pair's own loss with respect to the summed log-probabilities.
inline void expect_gradient_check(const PairBatch& batch, const std::function<PairOutputs(const PairInputs&)>& loss) {
  const PairOutputs out = loss(batch.inputs());
  for (size_t pair = 0; pair < batch.chosen.size(); ++pair) {
    const auto of_chosen = [&](double logp) {
      PairBatch moved = batch;
      moved.chosen[pair] = logp;
      return loss(moved.inputs()).losses[pair];
    };
    const auto of_rejected = [&](double logp) {
      PairBatch moved = batch;
      moved.rejected[pair] = logp;
      return loss(moved.inputs()).losses[pair];
    };
    EXPECT_NEAR(out.grad_chosen[pair], central_difference(of_chosen, batch.chosen[pair]), 1e-8) << pair;
    EXPECT_NEAR(out.grad_rejected[pair], central_difference(of_rejected, batch.rejected[pair]), 1e-8) << pair;
  }
}

}  // namespace mmpo::testing
