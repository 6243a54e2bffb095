// MMPO's loss on one pair and on a batch. Scores: s_w chosen, s_l rejected; Delta = s_w - s_l.
#include "loss/mmpo.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "loss/loss_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The listing as it stands, which cancels: good for moderate scores only.
double listing(double score_w, double score_l, double aux_weight) {
  return -std::log(std::exp(score_w) + std::exp(score_l)) + aux_weight * std::log1p(std::exp(score_l - score_w));
}

TEST(Mmpo, HandDerivedEqualScores) {
  // s_w = s_l = -2: logsumexp = -2 + log 2, log sigma(0) = -log 2, sigma(0) = 1/2.
  const auto theorem = mmpo_terms(-2.0, -2.0, 0.0);
  EXPECT_NEAR(theorem.loss, 2 - std::log(2.0), 1e-15);
  EXPECT_DOUBLE_EQ(theorem.grad_chosen, -0.5);
  EXPECT_DOUBLE_EQ(theorem.grad_rejected, -0.5);
  const auto paper = mmpo_terms(-2.0, -2.0, 1.0);
  EXPECT_EQ(paper.loss, 2.0);
  const auto strong = mmpo_terms(-2.0, -2.0, 3.0);
  EXPECT_NEAR(strong.loss, 2 + 2 * std::log(2.0), 1e-15);
  EXPECT_DOUBLE_EQ(strong.grad_chosen, -2.0);
  EXPECT_DOUBLE_EQ(strong.grad_rejected, 1.0);
}

TEST(Mmpo, HandDerivedThreeToOneOdds) {
  // Delta = log 3: sigma(Delta) = 3/4. With s_l = -1 - log 3, s_w = -1: logsumexp = -1 + log(4/3).
  const auto terms = mmpo_terms(-1.0, -1.0 - std::log(3.0), 0.5);
  EXPECT_NEAR(terms.loss, 1 - std::log(4.0 / 3) + 0.5 * std::log(4.0 / 3), 1e-15);
  EXPECT_NEAR(terms.grad_chosen, -(0.75 + 0.5 * 0.25), 1e-15);
  EXPECT_NEAR(terms.grad_rejected, -0.5 * 0.25, 1e-15);
}

TEST(Mmpo, EqualsTheListing) {
  for (const double aux_weight : {0.0, 0.3, 1.0, 1.7, 5.0}) {
    for (const double score_w : {-30.0, -3.0, -0.1, 0.0, 2.0}) {
      for (const double score_l : {-28.0, -3.0, 0.0, 1.5}) {
        EXPECT_NEAR(mmpo_terms(score_w, score_l, aux_weight).loss, listing(score_w, score_l, aux_weight), 2e-12)
            << score_w << ' ' << score_l << ' ' << aux_weight;
      }
    }
  }
}

TEST(Mmpo, AtAuxWeightOneTheLossIsMinusTheChosenScore) {
  for (const double score_w : {-5000.0, -677.25, -1.0, 0.0, 3.0}) {
    for (const double score_l : {-9000.0, -1.0, 0.0, 4000.0, kNaN}) {
      const auto terms = mmpo_terms(score_w, score_l, 1.0);
      EXPECT_EQ(terms.loss, -score_w);
      EXPECT_EQ(terms.grad_chosen, -1.0);
      EXPECT_EQ(terms.grad_rejected, 0.0);
      EXPECT_EQ(mmpo_terms(static_cast<float>(score_w), static_cast<float>(score_l), 1.0f).loss,
                -static_cast<float>(score_w));
    }
  }
}

TEST(Mmpo, AtAuxWeightZeroTheGradientIsTheorem32) {
  for (const double delta : {-7.0, -0.5, 0.0, 2.0}) {
    const auto terms = mmpo_terms(delta - 4, -4.0, 0.0);
    EXPECT_NEAR(terms.grad_chosen, -1 / (1 + std::exp(-delta)), 1e-15);
    EXPECT_NEAR(terms.grad_rejected, -1 / (1 + std::exp(delta)), 1e-15);
  }
}

TEST(Mmpo, AboveAuxWeightOneTheRejectedIsPushedDown) {
  EXPECT_LT(mmpo_terms(-1.0, -2.0, 0.5).grad_rejected, 0);
  EXPECT_EQ(mmpo_terms(-1.0, -2.0, 1.0).grad_rejected, 0);
  EXPECT_GT(mmpo_terms(-1.0, -2.0, 1.5).grad_rejected, 0);
}

// A common shift of both scores is a shift of the loss: the gradients always add up to -1.
TEST(Mmpo, GradientsAddUpToMinusOne) {
  for (const double aux_weight : {0.0, 0.4, 1.0, 3.0}) {
    for (const double delta : {-3000.0, -20.0, 0.0, 0.7, 900.0}) {
      const auto terms = mmpo_terms(delta, 0.0, aux_weight);
      EXPECT_NEAR(terms.grad_chosen + terms.grad_rejected, -1, 1e-15);
    }
  }
}

TEST(Mmpo, GradientEqualsCentralDifferences) {
  for (const double aux_weight : {0.0, 0.3, 1.0, 2.5}) {
    for (const double score_w : {-12.0, -1.0, 0.5}) {
      for (const double score_l : {-13.0, -1.0, 1.0}) {
        const auto terms = mmpo_terms(score_w, score_l, aux_weight);
        const auto of_w = [&](double s) { return mmpo_terms(s, score_l, aux_weight).loss; };
        const auto of_l = [&](double s) { return mmpo_terms(score_w, s, aux_weight).loss; };
        EXPECT_NEAR(terms.grad_chosen, central_difference(of_w, score_w), 1e-8);
        EXPECT_NEAR(terms.grad_rejected, central_difference(of_l, score_l), 1e-8);
      }
    }
  }
}

TEST(Mmpo, IsStableForMarginsOfThousands) {
  // For a chosen far ahead L = -s_w, far behind L = -(1 - lambda) * s_l - lambda * s_w.
  for (const double aux_weight : {0.0, 0.5, 2.0}) {
    EXPECT_EQ(mmpo_terms(-5.0, -8000.0, aux_weight).loss, 5.0);
    EXPECT_DOUBLE_EQ(mmpo_terms(-8000.0, -5.0, aux_weight).loss, (1 - aux_weight) * 5 + aux_weight * 8000);
    EXPECT_FLOAT_EQ(mmpo_terms(-8000.0f, -5.0f, static_cast<float>(aux_weight)).loss,
                    static_cast<float>((1 - aux_weight) * 5 + aux_weight * 8000));
    EXPECT_EQ(mmpo_terms(-8000.0, -5.0, aux_weight).grad_chosen, -aux_weight);
    EXPECT_EQ(mmpo_terms(-8000.0, -5.0, aux_weight).grad_rejected, aux_weight - 1);
  }
}

MmpoLoss paper_loss(double aux_weight) {
  return {.beta = 0.01,
          .reward_epsilon = 0.9,
          .aux_weight = aux_weight,
          .normalize = true,
          .length_normalize_policy = false,
          .length_normalize_reference = false};
}

TEST(Mmpo, HandDerivedSinglePair) {
  // R_w = 0.9 - 0.01 * 100 = -0.1 and R_l = 0.1 - 0.01 * 50 = -0.4: normalised to 1 and 1e-6 / (0.3 + 1e-6).
  const PairBatch batch{.chosen = {-20}, .rejected = {-30}, .ref_chosen = {-100}, .ref_rejected = {-50}};
  const PairOutputs out = mmpo_losses(paper_loss(1), batch.inputs(), std::nullopt);
  EXPECT_EQ(out.chosen_rewards[0], -19);
  EXPECT_NEAR(out.rejected_rewards[0], -30 + 1e-6 / 0.300001, 1e-13);
  EXPECT_EQ(out.losses[0], -out.chosen_rewards[0]);
}

TEST(Mmpo, EqualRewardsNormaliseToOne) {
  // ref_l - ref_w = 80 makes up for 0.9 - 0.1, up to rounding: numerator and denominator are the listing's 1e-6 then.
  const PairBatch batch{.chosen = {-20}, .rejected = {-30}, .ref_chosen = {-90}, .ref_rejected = {-10}};
  const PairOutputs out = mmpo_losses(paper_loss(0), batch.inputs(), std::nullopt);
  EXPECT_NEAR(out.chosen_rewards[0], -19, 1e-9);
  EXPECT_NEAR(out.rejected_rewards[0], -29, 1e-9);
  EXPECT_TRUE(std::isfinite(out.losses[0]));
}

TEST(Mmpo, RejectedLogProbabilitiesMayBeNaNAtAuxWeightOne) {
  const PairBatch scored{
      .chosen = {-20, -9}, .rejected = {-30, -7}, .ref_chosen = {-22, -8}, .ref_rejected = {-31, -5}};
  PairBatch unscored = scored;
  unscored.rejected = {kNaN, kNaN};
  const PairOutputs with = mmpo_losses(paper_loss(1), scored.inputs(), std::nullopt);
  const PairOutputs without = mmpo_losses(paper_loss(1), unscored.inputs(), std::nullopt);
  EXPECT_EQ(with.losses, without.losses);
  EXPECT_EQ(with.grad_chosen, without.grad_chosen);
  EXPECT_EQ(with.grad_rejected, without.grad_rejected);
  EXPECT_EQ(with.chosen_rewards, without.chosen_rewards);
  EXPECT_TRUE(std::isnan(without.rejected_rewards[0]));
}

TEST(Mmpo, LengthNormalisationIsInTheGradient) {
  MmpoLoss loss = paper_loss(0.4);
  loss.length_normalize_policy = true;
  loss.length_normalize_reference = true;
  const PairBatch batch{.chosen = {-20, -9},
                        .rejected = {-30, -7},
                        .ref_chosen = {-22, -8},
                        .ref_rejected = {-31, -5},
                        .chosen_lengths = {10, 1},
                        .rejected_lengths = {6, 7}};
  expect_gradient_check(batch, [&](const PairInputs& inputs) { return mmpo_losses(loss, inputs, std::nullopt); });
}

}  // namespace
}  // namespace mmpo
