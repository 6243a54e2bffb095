#include "loss/simpo.h"

#include <gtest/gtest.h>

#include <cmath>

#include "loss/loss_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

const PairBatch kBatch{.chosen = {-20, -9, -3.5},
                       .rejected = {-21, -7, -4},
                       .ref_chosen = {},
                       .ref_rejected = {},
                       .chosen_lengths = {10, 1, 3},
                       .rejected_lengths = {7, 5, 1}};

TEST(Simpo, HandDerivedSinglePair) {
  // Rewards 2 * -20 / 10 = -4 and 2 * -21 / 7 = -6: z = 2 - 1 = 1; loss = log(1 + e^-1); slopes 2/10 and 2/7 times sigma(-1).
  const PairBatch batch{.chosen = {-20},
                        .rejected = {-21},
                        .ref_chosen = {},
                        .ref_rejected = {},
                        .chosen_lengths = {10},
                        .rejected_lengths = {7}};
  const PairOutputs out = simpo_losses(SimpoLoss{.beta = 2, .gamma = 1, .length_normalize = true}, batch.inputs());
  EXPECT_NEAR(out.losses[0], 0.313261687518223, 1e-15);
  EXPECT_NEAR(out.grad_chosen[0], -0.2 * 0.268941421369995, 1e-15);
  EXPECT_NEAR(out.grad_rejected[0], 2.0 / 7 * 0.268941421369995, 1e-15);
  EXPECT_NEAR(out.chosen_rewards[0], -4, 1e-15);
  EXPECT_NEAR(out.rejected_rewards[0], -6, 1e-15);
}

TEST(Simpo, OfEqualRewardsIsTheSoftplusOfTheMargin) {
  EXPECT_NEAR(simpo_terms(-3.0, -3.0, 1.6).loss, std::log1p(std::exp(1.6)), 1e-15);
  EXPECT_NEAR(simpo_terms(-3.0, -3.0, 0.0).loss, std::log(2.0), 1e-15);
}

TEST(Simpo, GradientEqualsCentralDifferences) {
  for (const bool length_normalize : {false, true}) {
    const SimpoLoss loss{.beta = 1.5, .gamma = 0.7, .length_normalize = length_normalize};
    expect_gradient_check(kBatch, [&](const PairInputs& inputs) { return simpo_losses(loss, inputs); });
  }
}

// Of one token each, the two forms are one.
TEST(Simpo, LengthNormalisationOfOneTokenIsNone) {
  PairBatch batch = kBatch;
  batch.chosen_lengths = {1, 1, 1};
  batch.rejected_lengths = {1, 1, 1};
  const PairOutputs by_length =
      simpo_losses(SimpoLoss{.beta = 2, .gamma = 1, .length_normalize = true}, batch.inputs());
  const PairOutputs summed = simpo_losses(SimpoLoss{.beta = 2, .gamma = 1, .length_normalize = false}, batch.inputs());
  EXPECT_EQ(by_length.losses, summed.losses);
  EXPECT_EQ(by_length.grad_rejected, summed.grad_rejected);
}

TEST(Simpo, IsStableForMarginsOfThousands) {
  EXPECT_EQ(simpo_terms(-10.0, -9000.0, 1.0).loss, 0.0);
  EXPECT_EQ(simpo_terms(-9000.0, -10.0, 1.0).loss, 8991.0);
  EXPECT_EQ(simpo_terms(-9000.0, -10.0, 1.0).grad_rejected, 1.0);
}

}  // namespace
}  // namespace mmpo
