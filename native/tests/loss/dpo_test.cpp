#include "loss/dpo.h"

#include <gtest/gtest.h>

#include <cmath>

#include "loss/loss_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

const std::vector<Pair> kPairs{{-20, -30, -22, -31, 4, 5}, {-9, -7, -8, -12, 1, 3}, {-3.5, -40, -3, -41, 2, 6}};

// Of rewards that are their own log-probabilities.
PairTerms terms_at(double reward_w, double reward_l, double label_smoothing) {
  return dpo_terms({{reward_w, 1}, {reward_l, 1}}, label_smoothing);
}

TEST(Dpo, HandDerivedSinglePair) {
  // z = 0.1 * ((-20 + 22) - (-30 + 31)) = 0.1; loss = log(1 + e^-0.1); gradient = -/+ 0.1 * sigma(-0.1).
  const mmpo_objective objective = objective_of(MMPO_LOSS_DPO, 0.1);
  const PairTerms terms = pair_terms(objective, {}, kPairs[0]);
  EXPECT_NEAR(terms.loss, 0.644396660073571, 1e-15);
  EXPECT_NEAR(terms.grad_chosen, -0.0475020812521060, 1e-15);
  EXPECT_NEAR(terms.grad_rejected, 0.0475020812521060, 1e-15);
  const PairRewards rewards = pair_rewards(objective, {}, kPairs[0]);
  EXPECT_NEAR(rewards.chosen, 0.2, 1e-15);
  EXPECT_NEAR(rewards.rejected, 0.1, 1e-15);
}

TEST(Dpo, AtTheReferenceTheLossIsLogTwo) {
  for (const double label_smoothing : {0.0, 0.1, 0.49}) {
    const auto terms = terms_at(0.0, 0.0, label_smoothing);
    EXPECT_NEAR(terms.loss, std::log(2.0), 1e-15);
    EXPECT_NEAR(terms.grad_chosen, label_smoothing - 0.5, 1e-15);
  }
}

// Conservative DPO stops where the model is as sure as the labels: sigma(z) = 1 - e.
TEST(Dpo, LabelSmoothingRestsAtTheLabelsOwnCertainty) {
  const double z = std::log(0.9 / 0.1);
  EXPECT_NEAR(terms_at(z, 0.0, 0.1).grad_chosen, 0, 1e-15);
  EXPECT_LT(terms_at(z - 0.1, 0.0, 0.1).grad_chosen, 0);
  EXPECT_GT(terms_at(z + 0.1, 0.0, 0.1).grad_chosen, 0);
}

TEST(Dpo, GradientEqualsCentralDifferences) {
  for (const double label_smoothing : {0.0, 0.1, 0.4}) {
    mmpo_objective objective = objective_of(MMPO_LOSS_DPO, 0.3);
    objective.label_smoothing = label_smoothing;
    expect_gradient_check(objective, kPairs);
  }
}

TEST(Dpo, IsStableForMarginsOfThousands) {
  EXPECT_EQ(terms_at(4000.0, -4000.0, 0.0).loss, 0.0);
  EXPECT_EQ(terms_at(4000.0, -4000.0, 0.0).grad_chosen, 0.0);
  EXPECT_EQ(terms_at(-4000.0, 4000.0, 0.0).loss, 8000.0);
  EXPECT_EQ(terms_at(-4000.0, 4000.0, 0.0).grad_chosen, -1.0);
  EXPECT_DOUBLE_EQ(terms_at(4000.0, -4000.0, 0.25).loss, 2000.0);
}

}  // namespace
}  // namespace mmpo
