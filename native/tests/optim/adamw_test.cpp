#include "optim/adamw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/backend.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

class AdamWTest : public KernelTest {};

constexpr AdamWSettings kSettings{.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01};

// Values between -1 and 1 that repeat after 1,009 elements.
template <typename T>
std::vector<T> values(int64_t count, double scale) {
  std::vector<T> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<T>(scale * std::sin(1.0 + static_cast<double>(i % 1009)));
  return out;
}

template <typename T>
struct State {
  std::vector<T> param, grad, exp_avg, exp_avg_sq;
  std::vector<c10::BFloat16> bf16;

  explicit State(int64_t count)
      : param(values<T>(count, 1)), grad(values<T>(count, 3)), exp_avg(values<T>(count, 0.5)), exp_avg_sq(param.size()),
        bf16(param.size()) {
    for (size_t i = 0; i < param.size(); ++i) exp_avg_sq[i] = std::abs(exp_avg[i]);
  }

  void step(double learning_rate, int64_t t, double clip) {
    backend().adamw_step(AdamWShard<T>{param.data(), grad.data(), exp_avg.data(), exp_avg_sq.data(), bf16.data(),
                                       static_cast<int64_t>(param.size())},
                         kSettings, learning_rate, t, clip);
  }
};

// The algorithm's lines for one element, in torch's order: decay, moments, corrected step.
void reference(double& param, double grad, double& exp_avg, double& exp_avg_sq, double learning_rate, int t) {
  param *= 1 - learning_rate * kSettings.weight_decay;
  exp_avg = kSettings.beta1 * exp_avg + (1 - kSettings.beta1) * grad;
  exp_avg_sq = kSettings.beta2 * exp_avg_sq + (1 - kSettings.beta2) * grad * grad;
  const double m = exp_avg / (1 - std::pow(kSettings.beta1, t));
  const double v = exp_avg_sq / (1 - std::pow(kSettings.beta2, t));
  param -= learning_rate * m / (std::sqrt(v) + kSettings.epsilon);
}

template <typename T>
void expect_reference(int64_t count, double tolerance) {
  State<T> state(count);
  const State<T> before = state;
  state.step(0.01, 3, 0.25);
  for (size_t i = 0; i < state.param.size(); ++i) {
    double param = static_cast<double>(before.param[i]);
    double exp_avg = static_cast<double>(before.exp_avg[i]);
    double exp_avg_sq = static_cast<double>(before.exp_avg_sq[i]);
    reference(param, 0.25 * static_cast<double>(before.grad[i]), exp_avg, exp_avg_sq, 0.01, 3);
    ASSERT_NEAR(static_cast<double>(state.param[i]), param, tolerance) << i << " of " << count;
    ASSERT_NEAR(static_cast<double>(state.exp_avg[i]), exp_avg, tolerance) << i << " of " << count;
    ASSERT_NEAR(static_cast<double>(state.exp_avg_sq[i]), exp_avg_sq, tolerance) << i << " of " << count;
  }
}

TEST_P(AdamWTest, EveryLengthEqualsTheAlgorithmInDouble) {
  for (const int64_t count : {1, 3, 7, 8, 15, 16, 17, 31, 47, 123, 4096, 40001}) {
    expect_reference<double>(count, 1e-15);
    expect_reference<float>(count, 2e-7);
  }
}

TEST_P(AdamWTest, TheFirstStepMovesByTheLearningRateAgainstTheSign) {
  // Derived by hand: at t = 1 with zero moments m / sqrt(v) is sign(grad), so param = 1 * (1 - 0.1 * 0.01) - 0.1.
  double param = 1, grad = 5, exp_avg = 0, exp_avg_sq = 0;
  backend().adamw_step(AdamWShard<double>{&param, &grad, &exp_avg, &exp_avg_sq, nullptr, 1}, kSettings, 0.1, 1, 1.0);
  EXPECT_NEAR(param, 0.899, 1e-9);
  EXPECT_NEAR(exp_avg, 0.5, 1e-15);
  EXPECT_NEAR(exp_avg_sq, 0.025, 1e-15);
}

TEST_P(AdamWTest, RoundsTheCopy) {
  for (const int64_t count : {1, 16, 123}) {
    State<float> state(count);
    state.step(0.01, 1, 1.0);
    for (size_t i = 0; i < state.param.size(); ++i) {
      EXPECT_EQ(static_cast<float>(state.bf16[i]), static_cast<float>(c10::BFloat16(state.param[i])));
    }
  }
}

// Without others the bfloat16 weights are what is trained: read, moved, and rounded where they lie.
template <typename T>
void expect_trained_in_bfloat16(int64_t count) {
  State<T> wide(count);
  for (size_t i = 0; i < wide.param.size(); ++i) {
    wide.bf16[i] = static_cast<float>(wide.param[i]);
    wide.param[i] = static_cast<T>(static_cast<float>(wide.bf16[i]));
  }
  State<T> narrow = wide;
  wide.step(0.01, 3, 0.25);
  backend().adamw_step(AdamWShard<T>{nullptr, narrow.grad.data(), narrow.exp_avg.data(), narrow.exp_avg_sq.data(),
                                     narrow.bf16.data(), count},
                       kSettings, 0.01, 3, 0.25);
  EXPECT_EQ(narrow.exp_avg, wide.exp_avg);
  EXPECT_EQ(narrow.exp_avg_sq, wide.exp_avg_sq);
  for (size_t i = 0; i < wide.param.size(); ++i) ASSERT_EQ(narrow.bf16[i].x, wide.bf16[i].x) << i << " of " << count;
}

TEST_P(AdamWTest, TrainsBfloat16WeightsThatHaveNoMasters) {
  for (const int64_t count : {1, 7, 16, 31, 123, 40001}) {
    expect_trained_in_bfloat16<float>(count);
    expect_trained_in_bfloat16<double>(count);
  }
}

TEST_P(AdamWTest, LearningRateZeroKeepsTheWeights) {
  State<float> state(123);
  const State<float> before = state;
  state.step(0, 1, 1.0);
  EXPECT_EQ(state.param, before.param);
  EXPECT_NE(state.exp_avg, before.exp_avg);
}

TEST_P(AdamWTest, PiecesHaveTheBitsOfTheWhole) {
  State<float> whole(40001);
  State<float> pieces(40001);
  whole.step(0.01, 2, 0.5);
  for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 7}, {7, 20000}, {20000, 40001}}) {
    backend().adamw_step(
        AdamWShard<float>{pieces.param.data() + begin, pieces.grad.data() + begin, pieces.exp_avg.data() + begin,
                          pieces.exp_avg_sq.data() + begin, nullptr, end - begin},
        kSettings, 0.01, 2, 0.5);
  }
  EXPECT_EQ(whole.param, pieces.param);
  EXPECT_EQ(whole.exp_avg_sq, pieces.exp_avg_sq);
}

TEST_P(AdamWTest, HasTheSameBitsForOneAndTwoThreads) {
  State<float> one(100003);
  State<float> two(100003);
  {
    const auto scope = backend().variant(1);
    one.step(0.01, 2, 0.5);
  }
  const auto scope = backend().variant(2);
  two.step(0.01, 2, 0.5);
  EXPECT_EQ(one.param, two.param);
  EXPECT_EQ(one.exp_avg, two.exp_avg);
}

MMPO_ON_EVERY_BACKEND(AdamWTest);

}  // namespace
}  // namespace mmpo
