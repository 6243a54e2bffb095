#include "optim/grad_clip.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "common/error.h"
#include "kernels/backend.h"

namespace mmpo {
namespace {

using testing::backend;

class L2Norm : public testing::KernelTest {};

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST_P(L2Norm, OfAHandComputedVector) {
  const std::vector<float> values = {3, -4, 12};
  EXPECT_EQ(backend().l2_norm(values.data(), 3), 13.0);
  EXPECT_EQ(backend().l2_norm(values.data(), 0), 0.0);
}

TEST_P(L2Norm, IsSummedInDouble) {
  for (const int64_t count : {1, 3, 15, 17, 31, 123, 32767, 32768, 32769, 1000003}) {
    std::vector<float> values(static_cast<size_t>(count));
    std::vector<double> wide(values.size());
    long double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = std::sin(static_cast<float>(i)) * (i % 7 == 0 ? 1e3f : 1e-3f);
      wide[i] = static_cast<double>(values[i]);
      sum += static_cast<long double>(wide[i]) * static_cast<long double>(wide[i]);
    }
    const auto norm = static_cast<double>(std::sqrt(sum));
    EXPECT_NEAR(backend().l2_norm(values.data(), count), norm, 1e-13 * norm) << count;
    EXPECT_NEAR(backend().l2_norm(wide.data(), count), norm, 1e-13 * norm) << count;
  }
}

// Squares of these do not fit in float32.
TEST_P(L2Norm, OfHugeAndTinyValuesIsFinite) {
  EXPECT_DOUBLE_EQ(backend().l2_norm(std::vector<float>(4, 1e30f).data(), 4), 2 * static_cast<double>(1e30f));
  EXPECT_DOUBLE_EQ(backend().l2_norm(std::vector<float>(4, 1e-30f).data(), 4), 2 * static_cast<double>(1e-30f));
}

TEST_P(L2Norm, HasTheSameBitsForOneAndTwoThreads) {
  std::vector<float> values(500009);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
  double norms[2];
  for (const int number : {1, 2}) {
    const auto scope = backend().variant(number);
    norms[number - 1] = backend().l2_norm(values.data(), 500009);
  }
  EXPECT_EQ(norms[0], norms[1]);
}

TEST_P(L2Norm, ShowsANonFiniteElementAnywhere) {
  for (const size_t where : {size_t{0}, size_t{70000}, size_t{99999}}) {
    std::vector<float> values(100000, 1.0f);
    values[where] = kNaN;
    EXPECT_TRUE(std::isnan(backend().l2_norm(values.data(), 100000))) << where;
    values[where] = -kInfinity;
    EXPECT_TRUE(std::isinf(backend().l2_norm(values.data(), 100000))) << where;
  }
}

MMPO_ON_EVERY_BACKEND(L2Norm);

TEST(GradClip, CoefficientIsTorchs) {
  EXPECT_DOUBLE_EQ(clip_coefficient(4.0, 1.0), 1.0 / (4.0 + 1e-6));
  EXPECT_EQ(clip_coefficient(0.5, 1.0), 1.0);
  EXPECT_EQ(clip_coefficient(0.0, 1.0), 1.0);
  EXPECT_EQ(clip_coefficient(1e9, 0.0), 1.0);
}

TEST(GradClip, CoefficientOfANonFiniteNormIsRefused) {
  for (const double norm : {static_cast<double>(kNaN), static_cast<double>(kInfinity)}) {
    try {
      clip_coefficient(norm, 1.0);
      FAIL() << "accepted " << norm;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), MMPO_NON_FINITE);
    }
  }
}

}  // namespace
}  // namespace mmpo
