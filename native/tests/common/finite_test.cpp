#include "common/finite.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mmpo {
namespace {

constexpr int64_t kCount = (int64_t{5} << 16) + 7;  // several threads' turns, and a rest

TEST(Finite, LargestAndSmallestNumbersAre) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    at::Tensor values = at::ones({kCount}, type);
    const double largest = type == at::kHalf ? 65504 : 3.38e38;
    values.narrow(0, 0, 1).fill_(largest);
    values.narrow(0, 1, 1).fill_(-largest);
    values.narrow(0, 2, 1).fill_(type == at::kHalf ? 6e-8 : 1e-40);
    values.narrow(0, 3, 1).fill_(-0.0);
    EXPECT_TRUE(is_finite(values)) << type;
    EXPECT_TRUE(is_finite(at::empty({0}, type))) << type;
  }
}

TEST(Finite, OneThatIsNotIsFoundWhereverItStands) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const int64_t place : {int64_t{0}, int64_t{65535}, int64_t{65536}, int64_t{200'001}, kCount - 1}) {
      for (const double value : {std::nan(""), -std::nan(""), kInfinity, -kInfinity}) {
        at::Tensor values = at::ones({kCount}, type);
        values.narrow(0, place, 1).fill_(value);
        EXPECT_FALSE(is_finite(values)) << type << " at " << place << ": " << value;
      }
    }
  }
}

TEST(Finite, OfContiguousNumbersAlone) {
  EXPECT_THROW(is_finite(at::ones({4, 4}).t()), c10::Error);
  EXPECT_THROW(is_finite(at::ones({4}, at::kDouble)), c10::Error);
}

}  // namespace
}  // namespace mmpo
