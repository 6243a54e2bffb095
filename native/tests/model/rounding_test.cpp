#include "model/rounding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/error.h"
#include "kernels/kernel_testing.h"

namespace mmpo {
namespace {

using testing::Threads;

// Between 2^k and 2^(k+1) two neighbours of bfloat16 are 2^(k-7) apart, of float16 2^(k-10).
TEST(Rounding, CountsWhatMovedAndWhatIsKept) {
  // From 1: not moved; by a quarter of a step, lost; by three quarters, a whole step; by two steps, kept as it is.
  const float step = 0x1p-7F;
  const Tensor start = at::ones({4}).to(at::kBFloat16);
  const Tensor trained = at::tensor({1.0F, 1 + step / 4, 1 + step * 3 / 4, 1 + 2 * step});
  Tensor out = at::empty({4}, at::kBFloat16);
  const mmpo_rounding found = round(trained, start, {}, "w", out);
  EXPECT_TRUE(at::equal(out.to(at::kFloat), at::tensor({1.0F, 1.0F, 1 + step, 1 + 2 * step})));
  EXPECT_EQ(found.num_weights, 4);
  EXPECT_EQ(found.num_moved, 3);
  EXPECT_EQ(found.num_kept, 2);
  EXPECT_DOUBLE_EQ(found.update_squares, 0x1p-14 * (1.0 / 16 + 9.0 / 16 + 4));
  EXPECT_DOUBLE_EQ(found.rounded_squares, 0x1p-14 * 5);
}

// The beginning is rounded as what was trained is: its own rounding is no update.
TEST(Rounding, WeightsThatDidNotMoveHaveNoUpdate) {
  at::manual_seed(3);
  const Tensor weights = at::randn({70001});
  Tensor out = at::empty({70001}, at::kHalf);
  const mmpo_rounding found = round(weights, weights, {}, "w", out);
  EXPECT_EQ(found.num_moved, 0);
  EXPECT_EQ(found.rounded_squares, 0);
  EXPECT_TRUE(at::equal(out, weights.to(at::kHalf)));
}

TEST(Rounding, WideningIsExact) {
  at::manual_seed(3);
  const Tensor weights = at::randn({47, 31}).to(at::kBFloat16);
  Tensor out = at::empty({47, 31});
  const mmpo_rounding found = round(weights, at::zeros({47, 31}, at::kHalf), {.stochastic = true}, "w", out);
  EXPECT_TRUE(at::equal(out, weights.to(at::kFloat)));
  EXPECT_EQ(found.num_kept, found.num_moved);
  EXPECT_EQ(found.rounded_squares, found.update_squares);
}

TEST(Rounding, StochasticTakesOneOfTheTwoNeighboursAndKeepsTheMean) {
  constexpr int64_t kCount = 200'000;
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    const double ulp = type == at::kBFloat16 ? 0x1p-7 : 0x1p-10;
    for (const double part : {0.0, 0.1, 0.5}) {
      for (const double base : {1.0, -1.5}) {
        const double x = base + part * ulp;
        const Tensor trained = at::full({kCount}, x, at::kFloat);
        Tensor out = at::empty({kCount}, type);
        round(trained, trained, {.stochastic = true, .seed = 7}, "w", out);
        const Tensor steps = (out.to(at::kDouble) - base) / ulp;
        EXPECT_TRUE(steps.eq(0).logical_or(steps.eq(1)).all().item<bool>());
        // Five standard deviations of the mean of so many draws.
        EXPECT_NEAR(steps.mean().item<double>(), part, 5 * std::sqrt(part * (1 - part) / kCount));
      }
    }
  }
  // Below float16's normal numbers, which end at 2^-14, neighbours stay 2^-24 apart.
  const Tensor tiny = at::full({kCount}, 0.25 * 0x1p-24, at::kFloat);
  Tensor out = at::empty({kCount}, at::kHalf);
  round(tiny, tiny, {.stochastic = true, .seed = 7}, "w", out);
  EXPECT_NEAR(out.to(at::kDouble).mean().item<double>() * 0x1p24, 0.25, 0.005);
}

TEST(Rounding, DrawsAreOfTheSeedAndTheNameForAnyNumberOfThreads) {
  at::manual_seed(3);
  const Tensor weights = at::randn({200'003});
  const auto rounded = [&](uint64_t seed, const char* name, int threads) {
    const Threads scope(threads);
    Tensor out = at::empty({200'003}, at::kBFloat16);
    const mmpo_rounding found = round(weights, weights * 0.5, {.stochastic = true, .seed = seed}, name, out);
    return std::pair(out, found.rounded_squares);
  };
  const auto [one, sum_of_one] = rounded(7, "w", 1);
  const auto [three, sum_of_three] = rounded(7, "w", 3);
  EXPECT_TRUE(at::equal(one, three));
  EXPECT_EQ(sum_of_one, sum_of_three);
  EXPECT_FALSE(at::equal(one, rounded(8, "w", 1).first));
  EXPECT_FALSE(at::equal(one, rounded(7, "v", 1).first));
}

TEST(Rounding, WhatTheTypeCannotHoldIsRefused) {
  const Tensor large = at::full({3}, 70'000.0F);
  Tensor out = at::empty({3}, at::kHalf);
  try {
    round(large, large, {}, "model.norm.weight", out);
    FAIL() << "70,000 is more than float16 holds";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), MMPO_NON_FINITE);
    EXPECT_NE(std::string(e.what()).find("model.norm.weight"), std::string::npos);
  }
}

}  // namespace
}  // namespace mmpo
