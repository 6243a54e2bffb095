#include <cmath>
#include <limits>

#include "kernels/backend.h"
#include "kernels/kernel_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

class Softmax : public KernelTest {};

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kVocabularies[] = {1, 3, 31, 47, 123, 320, 1024, 1025};

struct Head {
  Tensor logits, targets, lse, logp, log_squares, entropies, is_first;

  // Asked for more, or not, it gives the same bits.
  Head(const Tensor& logits_RV, const Tensor& targets_R)
      : logits(logits_RV), targets(targets_R), lse(at::empty({logits_RV.size(0)})),
        logp(at::empty({logits_RV.size(0)})), log_squares(at::empty({logits_RV.size(0)})),
        entropies(at::empty({logits_RV.size(0)})), is_first(at::empty({logits_RV.size(0)}, at::kBool)) {
    Tensor lse_alone = at::empty_like(lse), logp_alone = at::empty_like(logp);
    Tensor first_alone = at::empty_like(is_first);
    backend().log_softmax_gather(logits, targets, lse_alone, logp_alone);
    backend().log_softmax_gather(logits, targets, lse, logp, {log_squares, entropies, is_first});
    EXPECT_TRUE(at::allclose(lse, lse_alone, 0, 0, true));
    EXPECT_TRUE(at::allclose(logp, logp_alone, 0, 0, true));
    backend().log_softmax_gather(logits, targets, lse_alone, logp_alone, {{}, {}, first_alone});
    EXPECT_TRUE(at::equal(is_first, first_alone));
  }
  Tensor wanted_log_squares() const { return (2 * logits.to(at::kDouble).log_softmax(-1)).logsumexp(-1); }
  Tensor wanted_entropies() const {
    const Tensor logp64 = logits.to(at::kDouble).log_softmax(-1);
    return -at::xlogy(logp64.exp(), logp64.exp()).sum(-1);
  }
  Tensor wanted_lse() const { return logits.to(at::kDouble).logsumexp(-1); }
  Tensor wanted_logp() const {
    return logits.to(at::kDouble).log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1);
  }
};

// 1e-6, and half a float32 ulp of the result where that is more.
constexpr Tolerance kLogTolerance{6e-8, 1e-6};
// Of float32 sums over a whole vocabulary.
constexpr Tolerance kEntropyTolerance{2e-6, 2e-6};

TEST_P(Softmax, LogProbabilityEqualsAtenInDouble) {
  at::manual_seed(1);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t vocabulary : kVocabularies) {
      SCOPED_TRACE(::testing::Message() << type << ' ' << layout << ' ' << vocabulary);
      const Head head(random_view(47, vocabulary, type, layout).mul_(4), at::randint(vocabulary, {47}));
      expect_close(head.lse, head.wanted_lse(), kLogTolerance, "lse");
      expect_close(head.logp, head.wanted_logp(), kLogTolerance, "logp");
      expect_close(head.log_squares, head.wanted_log_squares(), kLogTolerance, "log_squares");
      expect_close(head.entropies, head.wanted_entropies(), kEntropyTolerance, "entropies");
    }
  }
}

TEST_P(Softmax, LogProbabilityOfRealVocabularies) {
  at::manual_seed(2);
  for (const auto type : kTypes) {
    for (const int64_t vocabulary : {49152, 128256}) {
      SCOPED_TRACE(::testing::Message() << type << ' ' << vocabulary);
      const Head head(random({3, vocabulary}, type) * 3, at::randint(vocabulary, {3}));
      expect_close(head.lse, head.wanted_lse(), kLogTolerance, "lse");
      expect_close(head.logp, head.wanted_logp(), kLogTolerance, "logp");
      expect_close(head.log_squares, head.wanted_log_squares(), kLogTolerance, "log_squares");
      expect_close(head.entropies, head.wanted_entropies(), kEntropyTolerance, "entropies");
    }
  }
}

// Whether it is the first of those that are equally large: what at::argmax gives, which greedy decoding takes.
TEST_P(Softmax, MarksTheFirstOfTheLargest) {
  at::manual_seed(8);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t vocabulary : {1, 3, 123, 1025}) {
      SCOPED_TRACE(::testing::Message() << type << ' ' << layout << ' ' << vocabulary);
      // Few values, so that the largest is there many times.
      const Tensor logits = random_view(60, vocabulary, type, layout).mul_(2).round_();
      const Tensor best = logits.to(at::kFloat).argmax(1);
      Tensor targets = at::randint(vocabulary, {60});
      targets.narrow(0, 0, 20).copy_(best.narrow(0, 0, 20));
      const Tensor largest = logits.to(at::kFloat).eq(logits.to(at::kFloat).amax(1, true));
      // The last of the largest.
      targets.narrow(0, 20, 20).copy_(vocabulary - 1 - largest.flip(1).to(at::kInt).argmax(1).narrow(0, 20, 20));
      EXPECT_TRUE(at::equal(Head(logits, targets).is_first, best.eq(targets)));
    }
  }
}

// The running maximum grows in every block and falls in none: both ends of what the one pass must rescale.
TEST_P(Softmax, LogProbabilityOfSortedLogits) {
  const Tensor rising = at::linspace(-200, 200, 5000).unsqueeze(0);
  for (const Tensor& logits : {rising, rising.flip(1)}) {
    const Head head(logits, at::full({1}, 2500, at::kLong));
    expect_close(head.lse, head.wanted_lse(), kLogTolerance, "lse");
    expect_close(head.log_squares, head.wanted_log_squares(), kLogTolerance, "log_squares");
    expect_close(head.entropies, head.wanted_entropies(), kEntropyTolerance, "entropies");
    expect_close(head.logp, head.wanted_logp(), kLogTolerance, "logp");
  }
}

TEST_P(Softmax, UniformLogitsGiveMinusLogOfTheVocabulary) {
  const Head head(at::full({2, 320}, 1e4f), at::tensor({0, 319}, at::kLong));
  // -log 320
  EXPECT_NEAR(head.logp[0].item<double>(), -5.768320995793772, 1e-6);
  EXPECT_NEAR(head.logp[1].item<double>(), -5.768320995793772, 1e-6);
}

TEST_P(Softmax, ExcludedTokensCountNothingAndNaNIsNotLost) {
  Tensor logits = at::zeros({3, 2048});
  logits.narrow(1, 0, 1500).fill_(-kInfinity);
  logits[1][1700] = std::numeric_limits<float>::quiet_NaN();
  logits[2][3] = std::numeric_limits<float>::quiet_NaN();
  const Head head(logits, at::full({3}, 2047, at::kLong));
  EXPECT_FALSE(head.is_first.any().item<bool>());
  EXPECT_TRUE(Head(logits, at::full({3}, 1500, at::kLong)).is_first.equal(at::tensor({1, 0, 0}).to(at::kBool)));
  EXPECT_NEAR(head.lse[0].item<double>(), std::log(548.0), 1e-6);
  EXPECT_NEAR(head.entropies[0].item<double>(), std::log(548.0), 1e-6);
  EXPECT_TRUE(std::isnan(head.logp[1].item<float>()));
  EXPECT_TRUE(std::isnan(head.logp[2].item<float>()));
}

// The float32 log-sum-exp, some 10 here, is rounded by up to 5e-7: that is the error of each probability relative to itself,
// and so the absolute error of 1 - softmax at a target that is nearly certain.
void expect_gradient(const Tensor& logits, at::ScalarType type, double absolute) {
  const int64_t num_rows = logits.size(0);
  const Head head(logits.clone(), at::randint(logits.size(1), {num_rows}));
  const Tensor weights = at::randn({num_rows});
  const Tensor logits64 = oracle(logits);
  const Tensor logp = logits64.log_softmax(-1).gather(-1, head.targets.unsqueeze(-1)).squeeze(-1);
  (weights.to(at::kDouble) * logp).sum().backward();
  Tensor gradient = logits.clone();
  backend().softmax_gradient_(gradient, head.targets, head.lse, weights);
  expect_close(gradient, logits64.grad(), {type == at::kFloat ? 3e-6 : 1.0 / 256, absolute}, "gradient");
}

TEST_P(Softmax, GradientEqualsAutogradInDouble) {
  at::manual_seed(3);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t vocabulary : kVocabularies) {
      SCOPED_TRACE(::testing::Message() << type << ' ' << layout << ' ' << vocabulary);
      expect_gradient(random_view(47, vocabulary, type, layout).mul_(4), type, 1e-6);
    }
    expect_gradient(random({2, 49152}, type), type, 1e-12);
  }
}

// Of the log-probability and of the entropy at once, some rows without a part of it.
void expect_entropy_gradient(const Tensor& logits, at::ScalarType type, double absolute) {
  const int64_t num_rows = logits.size(0);
  const Head head(logits.clone(), at::randint(logits.size(1), {num_rows}));
  const Tensor weights = at::randn({num_rows}), entropy_weights = at::randn({num_rows});
  entropy_weights[0] = 0;
  const Tensor logits64 = oracle(logits);
  const Tensor logp = logits64.log_softmax(-1);
  const Tensor entropy = -(logp.exp() * logp).sum(-1);
  const Tensor own = logp.gather(-1, head.targets.unsqueeze(-1)).squeeze(-1);
  (weights.to(at::kDouble) * own + entropy_weights.to(at::kDouble) * entropy).sum().backward();
  Tensor gradient = logits.clone();
  backend().softmax_gradient_(gradient, head.targets, head.lse, weights, head.entropies, entropy_weights);
  expect_close(gradient, logits64.grad(), {type == at::kFloat ? 1e-5 : 1.0 / 128, absolute}, "gradient");
}

TEST_P(Softmax, EntropyGradientEqualsAutogradInDouble) {
  at::manual_seed(4);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t vocabulary : kVocabularies) {
      SCOPED_TRACE(::testing::Message() << type << ' ' << layout << ' ' << vocabulary);
      expect_entropy_gradient(random_view(9, vocabulary, type, layout).mul_(4), type, 3e-6);
    }
  }
}

// A token that cannot be has no part in it, although its log-probability is minus infinity.
TEST_P(Softmax, EntropyGradientOfExcludedTokensIsZero) {
  Tensor logits = at::zeros({1, 2048});
  logits.narrow(1, 0, 1500).fill_(-kInfinity);
  const Head head(logits.clone(), at::full({1}, 2047, at::kLong));
  backend().softmax_gradient_(logits, head.targets, head.lse, at::zeros({1}), head.entropies, at::ones({1}));
  EXPECT_TRUE(at::allclose(logits, at::zeros_like(logits), 0, 1e-8));
}

// With lse 0 and weight -1 the gradient away from the target is exp of the logit: a million of them, to the ends of float32.
TEST_P(Softmax, BothAtOnceHaveTheSameBits) {
  at::manual_seed(6);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t vocabulary : {1, 31, 123, 1025, 5001}) {
      SCOPED_TRACE(::testing::Message() << type << ' ' << layout << ' ' << vocabulary);
      Tensor logits = random_view(9, vocabulary, type, layout).mul_(4);
      const Head head(logits.clone(), at::randint(vocabulary, {9}));
      Tensor weights = at::randn({9});
      weights[7] = 0;
      Tensor wanted = logits.clone();
      backend().softmax_gradient_(wanted, head.targets, head.lse, weights);
      Tensor logp = at::empty({9});
      backend().log_softmax_gradient_(logits, head.targets, weights, logp);
      expect_same_bits(logp, head.logp, "logp");
      expect_same_bits(logits, wanted, "gradient");
    }
  }
}

TEST_P(Softmax, ExponentialIsAccurateToFloatRounding) {
  Tensor logits = at::cat({at::tensor({0.0f}), at::linspace(-87, 88.72, 1 << 20)}).unsqueeze(0);
  const Tensor wanted = logits.to(at::kDouble).exp();
  backend().softmax_gradient_(logits, at::zeros({1}, at::kLong), at::zeros({1}), at::full({1}, -1.0f));
  expect_close(logits.narrow(1, 1, 1 << 20), wanted.narrow(1, 1, 1 << 20), {1.2e-7, 0}, "exp");

  Tensor ends =
      at::tensor({0.0f, -90.0f, -103.0f, -104.5f, -1e30f, -kInfinity, 88.8f, 1e30f, kInfinity, 0.0f}).unsqueeze(0);
  const Tensor wanted_ends = ends.to(at::kDouble).exp().to(at::kFloat);
  backend().softmax_gradient_(ends, at::zeros({1}, at::kLong), at::zeros({1}), at::full({1}, -1.0f));
  // -90 and -103 are denormal: within the smallest denormal number.
  EXPECT_NEAR(ends[0][1].item<double>(), std::exp(-90.0), 1.5e-45);
  EXPECT_NEAR(ends[0][2].item<double>(), std::exp(-103.0), 1.5e-45);
  expect_same_bits(ends.narrow(1, 3, 7), wanted_ends.narrow(1, 3, 7), "ends");
}

TEST_P(Softmax, GradientInAStridedViewLeavesItsNeighboursAlone) {
  at::manual_seed(4);
  const Tensor before = random({3, 40}, at::kFloat);
  Tensor buffer = before.clone();
  Tensor logits = buffer.narrow(1, 4, 31);
  const Head head(logits, at::zeros({3}, at::kLong));
  backend().softmax_gradient_(logits, head.targets, head.lse, at::ones({3}));
  expect_same_bits(buffer.narrow(1, 0, 4), before.narrow(1, 0, 4), "left");
  expect_same_bits(buffer.narrow(1, 35, 5), before.narrow(1, 35, 5), "right");
  EXPECT_NEAR(logits.sum(-1).abs().max().item<double>(), 0, 1e-6);
}

TEST_P(Softmax, GradientAtANearlyCertainTargetDoesNotCancel) {
  Tensor logits = at::tensor({30.0f, 0.0f}).view({1, 2});
  const Head head(logits, at::zeros({1}, at::kLong));
  backend().softmax_gradient_(logits, head.targets, head.lse, at::ones({1}));
  // 1 - sigma(30) = 9.357622968840175e-14: the float32 log-sum-exp is 30 exactly, so float32 sees 0, never a negative.
  EXPECT_GE(logits[0][0].item<float>(), 0.0f);
  EXPECT_NEAR(logits[0][1].item<double>(), -9.357622968840175e-14, 1e-19);
}

TEST_P(Softmax, ARowOfWeightZeroIsZeroWhateverItsLogits) {
  Tensor logits = at::full({2, 31}, std::numeric_limits<float>::quiet_NaN());
  backend().softmax_gradient_(logits, at::zeros({2}, at::kLong), at::full({2}, kInfinity), at::zeros({2}));
  expect_same_bits(logits, at::zeros({2, 31}), "gradient");
}

TEST_P(Softmax, HasTheSameBitsForOneAndTwoThreads) {
  at::manual_seed(5);
  for (const auto type : kTypes) {
    const Tensor logits = random({31, 5000}, type);
    const Tensor targets = at::randint(5000, {31});
    const Tensor weights = at::randn({31});
    Tensor lse[2], logp[2], gradient[2];
    for (const int threads : {1, 2}) {
      const auto scope = backend().variant(threads);
      const Head head(logits, targets);
      lse[threads - 1] = head.lse;
      logp[threads - 1] = head.logp;
      gradient[threads - 1] = logits.clone();
      backend().softmax_gradient_(gradient[threads - 1], targets, head.lse, weights);
    }
    expect_same_bits(lse[0], lse[1], "lse");
    expect_same_bits(logp[0], logp[1], "logp");
    expect_same_bits(gradient[0], gradient[1], "gradient");
  }
}

MMPO_ON_EVERY_BACKEND(Softmax);

}  // namespace
}  // namespace mmpo
