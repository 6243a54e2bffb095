#include "loss/dpo.h"

#include <gtest/gtest.h>

#include <cmath>

#include "loss/loss_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

const PairBatch kBatch{.chosen = {-20, -9, -3.5},
                       .rejected = {-30, -7, -40},
                       .ref_chosen = {-22, -8, -3},
                       .ref_rejected = {-31, -12, -41}};

TEST(Dpo, HandDerivedSinglePair) {
  // z = 0.1 * ((-20 + 22) - (-30 + 31)) = 0.1; loss = log(1 + e^-0.1); gradient = -/+ 0.1 * sigma(-0.1).
  const PairBatch batch{.chosen = {-20}, .rejected = {-30}, .ref_chosen = {-22}, .ref_rejected = {-31}};
  const PairOutputs out = dpo_losses(DpoLoss{.beta = 0.1, .label_smoothing = 0}, batch.inputs());
  EXPECT_NEAR(out.losses[0], 0.644396660073571, 1e-15);
  EXPECT_NEAR(out.grad_chosen[0], -0.0475020812521060, 1e-15);
  EXPECT_NEAR(out.grad_rejected[0], 0.0475020812521060, 1e-15);
  EXPECT_NEAR(out.chosen_rewards[0], 0.2, 1e-15);
  EXPECT_NEAR(out.rejected_rewards[0], 0.1, 1e-15);
}

TEST(Dpo, AtTheReferenceTheLossIsLogTwo) {
  for (const double label_smoothing : {0.0, 0.1, 0.49}) {
    const auto terms = dpo_terms(0.0, 0.0, label_smoothing);
    EXPECT_NEAR(terms.loss, std::log(2.0), 1e-15);
    EXPECT_NEAR(terms.grad_chosen, label_smoothing - 0.5, 1e-15);
  }
}

// Conservative DPO stops where the model is as sure as the labels: sigma(z) = 1 - e.
TEST(Dpo, LabelSmoothingRestsAtTheLabelsOwnCertainty) {
  const double z = std::log(0.9 / 0.1);
  EXPECT_NEAR(dpo_terms(z, 0.0, 0.1).grad_chosen, 0, 1e-15);
  EXPECT_LT(dpo_terms(z - 0.1, 0.0, 0.1).grad_chosen, 0);
  EXPECT_GT(dpo_terms(z + 0.1, 0.0, 0.1).grad_chosen, 0);
}

TEST(Dpo, GradientEqualsCentralDifferences) {
  for (const double label_smoothing : {0.0, 0.1, 0.4}) {
    const DpoLoss loss{.beta = 0.3, .label_smoothing = label_smoothing};
    expect_gradient_check(kBatch, [&](const PairInputs& inputs) { return dpo_losses(loss, inputs); });
  }
}

TEST(Dpo, IsStableForMarginsOfThousands) {
  EXPECT_EQ(dpo_terms(4000.0, -4000.0, 0.0).loss, 0.0);
  EXPECT_EQ(dpo_terms(4000.0, -4000.0, 0.0).grad_chosen, 0.0);
  EXPECT_EQ(dpo_terms(-4000.0, 4000.0, 0.0).loss, 8000.0);
  EXPECT_EQ(dpo_terms(-4000.0, 4000.0, 0.0).grad_chosen, -1.0);
  EXPECT_DOUBLE_EQ(dpo_terms(4000.0f, -4000.0f, 0.25f).loss, 2000.0f);
}

}  // namespace
}  // namespace mmpo
