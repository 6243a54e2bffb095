#include "train/objective.h"

#include <gtest/gtest.h>

#include "model_testing.h"

namespace mmpo {
namespace {

TEST(Objective, OfSftIsTheNegativeLogLikelihood) {
  testing::BatchBuilder builder;
  builder.add({1, 2}, {{3, 4}, {5}});
  builder.add({6}, {{7, 8, 9}});
  const mmpo_batch batch = builder.batch();
  mmpo_objective settings = testing::objective(MMPO_LOSS_SFT, 1);
  settings.scale = 0.25;
  const Objective objective(settings, batch, {}, std::nullopt);
  const std::vector<double> logps{-3.5, 0, -4000};
  const Objective::Result result = objective.evaluate({.logps = logps, .log_weights = {}});
  EXPECT_EQ(result.losses, (std::vector<double>{3.5, 4000}));
  EXPECT_EQ(result.weights, (std::vector<double>{-0.25, -0.25, -0.25}));
  EXPECT_TRUE(objective.is_linear());
  EXPECT_EQ(objective.linear_weights(), result.weights);
}

// With the weights of the whole, a slice needs nothing of the others.
TEST(Objective, OfASliceHasTheWeightsOfTheWhole) {
  testing::BatchBuilder builder;
  builder.add({1, 2, 3}, {{4, 5, 6}, {7}});
  builder.add({8}, {{9}, {10, 11}});
  builder.add({12, 13}, {{14, 15, 16, 17}, {18, 19, 20}});
  const mmpo_batch batch = builder.batch();
  const std::vector<double> refs{-3, -1.5, -0.5, -4, -6, -5.5};
  const std::vector<double> logps{-2, -3, -4, -1, -5, -7};
  const mmpo_objective settings = testing::objective(MMPO_LOSS_AOT, 0.3);
  const Objective whole(settings, batch, refs, std::nullopt);
  const std::vector<double> weights = whole.evaluate({.logps = logps, .log_weights = {}}).weights;
  const Objective known = whole.with_weights(weights);
  EXPECT_FALSE(whole.is_linear());
  size_t first = 0;
  for (const BatchSlice& slice : slice_batch(batch, 1)) {
    const Objective part = known.of_slice(slice);
    EXPECT_TRUE(part.is_linear());
    EXPECT_EQ(part.linear_weights(), (std::vector<double>{weights[first], weights[first + 1]}));
    first += 2;
  }
  EXPECT_EQ(first, weights.size());
}

TEST(Objective, OfTheChosensLikelihoodScoresTheRejected) {
  testing::BatchBuilder builder;
  builder.add({1}, {{2}, {3}});
  const mmpo_batch batch = builder.batch();
  const mmpo_objective settings = testing::objective(MMPO_LOSS_CHOSEN_NLL, 0.1);
  EXPECT_EQ(Objective(settings, batch, std::vector<double>{-1, -2}, std::nullopt).roles(),
            (std::vector<Role>{Role::kGraded, Role::kScored}));
}

}  // namespace
}  // namespace mmpo
