#include "loss/simpo.h"

#include <gtest/gtest.h>

#include <cmath>

#include "loss/loss_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

const std::vector<Pair> kPairs{{-20, -21, 0, 0, 10, 7}, {-9, -7, 0, 0, 1, 5}, {-3.5, -4, 0, 0, 3, 1}};

mmpo_objective simpo(double beta, double gamma, bool length_normalize) {
  mmpo_objective objective = objective_of(MMPO_LOSS_SIMPO, beta);
  objective.gamma = gamma;
  objective.length_normalize = length_normalize;
  return objective;
}

// Of rewards that are their own log-probabilities.
PairTerms terms_at(double reward_w, double reward_l, double gamma) {
  return simpo_terms({{reward_w, 1}, {reward_l, 1}}, gamma, 0);
}

TEST(Simpo, HandDerivedSinglePair) {
  // Rewards 2 * -20 / 10 = -4 and 2 * -21 / 7 = -6: z = 2 - 1 = 1; loss = log(1 + e^-1); slopes 2/10 and 2/7 times sigma(-1).
  const PairTerms terms = pair_terms(simpo(2, 1, true), {}, kPairs[0]);
  EXPECT_NEAR(terms.loss, 0.313261687518223, 1e-15);
  EXPECT_NEAR(terms.grad_chosen, -0.2 * 0.268941421369995, 1e-15);
  EXPECT_NEAR(terms.grad_rejected, 2.0 / 7 * 0.268941421369995, 1e-15);
  const PairRewards rewards = pair_rewards(simpo(2, 1, true), {}, kPairs[0]);
  EXPECT_NEAR(rewards.chosen, -4, 1e-15);
  EXPECT_NEAR(rewards.rejected, -6, 1e-15);
}

TEST(Simpo, OfEqualRewardsIsTheSoftplusOfTheMargin) {
  EXPECT_NEAR(terms_at(-3.0, -3.0, 1.6).loss, std::log1p(std::exp(1.6)), 1e-15);
  EXPECT_NEAR(terms_at(-3.0, -3.0, 0.0).loss, std::log(2.0), 1e-15);
}

TEST(Simpo, GradientEqualsCentralDifferences) {
  for (const bool length_normalize : {false, true}) expect_gradient_check(simpo(1.5, 0.7, length_normalize), kPairs);
}

// Of one token each, the two forms are one.
TEST(Simpo, LengthNormalisationOfOneTokenIsNone) {
  const Pair pair{-9, -7, 0, 0, 1, 1};
  const PairTerms by_length = pair_terms(simpo(2, 1, true), {}, pair);
  const PairTerms summed = pair_terms(simpo(2, 1, false), {}, pair);
  EXPECT_EQ(by_length.loss, summed.loss);
  EXPECT_EQ(by_length.grad_rejected, summed.grad_rejected);
}

TEST(Simpo, IsStableForMarginsOfThousands) {
  EXPECT_EQ(terms_at(-10.0, -9000.0, 1.0).loss, 0.0);
  EXPECT_EQ(terms_at(-9000.0, -10.0, 1.0).loss, 8991.0);
  EXPECT_EQ(terms_at(-9000.0, -10.0, 1.0).grad_rejected, 1.0);
}

}  // namespace
}  // namespace mmpo
