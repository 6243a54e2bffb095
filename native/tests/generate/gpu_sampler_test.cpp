// Tokens that are drawn where the logits are, against the CPU's sampler with the same uniform numbers: token for token. On a GPU
// with MMPO_TEST_DEVICE=cuda, else the same kernel as fibers.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/error.h"
#include "cuda/emulator.h"
#include "cuda/gpu_way.h"
#include "generate/sampler.h"
#include "test_device.h"

namespace mmpo {
namespace {

mmpo_sampling sampling(double temperature, double top_p, int64_t top_k) {
  return {.temperature = temperature, .top_p = top_p, .top_k = top_k, .seed = 77, .max_new_tokens = 1};
}

class GpuSampler : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda_is_built() && testing::test_device().is_cpu()) {
      GTEST_SKIP() << "this program has the CUDA side itself: MMPO_TEST_DEVICE=cuda runs it";
    }
    at::manual_seed(5);
  }

  static std::vector<int32_t> drawn(const Tensor& logits_nV, const mmpo_sampling& settings,
                                    const std::vector<double>& uniforms) {
    const testing::GpuWay way(!cuda_is_built());
    const Tensor tokens_n = draw_on_gpu(logits_nV.to(testing::test_device()), settings, uniforms).cpu();
    const int32_t* tokens = tokens_n.const_data_ptr<int32_t>();
    return {tokens, tokens + tokens_n.numel()};
  }

  // Each row has a stream of its own, of which the GPU gets the numbers.
  static void expect_equals_the_cpu(const Tensor& logits_nV, const mmpo_sampling& settings) {
    SCOPED_TRACE(::testing::Message() << logits_nV.scalar_type() << " of " << logits_nV.size(1) << ", temperature "
                                      << settings.temperature << ", top_p " << settings.top_p << ", top_k "
                                      << settings.top_k);
    std::vector<double> uniforms;
    std::vector<int32_t> expected;
    const Tensor wide_nV = logits_nV.to(at::kFloat).contiguous();
    for (int64_t n = 0; n < wide_nV.size(0); ++n) {
      const auto row = static_cast<uint64_t>(n);
      uniforms.push_back(Sampler(settings, row).uniform());
      const float* logits = wide_nV[n].const_data_ptr<float>();
      expected.push_back(Sampler(settings, row).next({logits, static_cast<size_t>(wide_nV.size(1))}));
    }
    EXPECT_EQ(drawn(logits_nV, settings, uniforms), expected);
  }
};

const std::vector<mmpo_sampling> kSettings{sampling(0, 1, 0),        sampling(1, 1, 0),      sampling(0.5, 0.9, 0),
                                           sampling(1, 1, 1),        sampling(3, 1, 5),      sampling(1, 0.7, 4),
                                           sampling(1, 1e-9, 0),     sampling(1, 0.5, 200),  sampling(1, 0.99, 5000),
                                           sampling(1e-300, 0.9, 3), sampling(1e300, 0.3, 0)};

TEST_F(GpuSampler, DrawsWhatTheCpuDraws) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const int64_t vocabulary : {1, 47, 513, 1600}) {
      const Tensor logits_nV = (3 * at::randn({1, vocabulary})).to(type);
      for (const mmpo_sampling& settings : kSettings) expect_equals_the_cpu(logits_nV, settings);
    }
  }
}

// Many equal logits, at the edge of what is kept too: the smaller tokens stay.
TEST_F(GpuSampler, OfEqualLogitsTheFirstAreKept) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const Tensor few_values = at::randint(-3, 3, {1, 1100}, at::kFloat).to(type);
    for (const mmpo_sampling& settings : kSettings) expect_equals_the_cpu(few_values, settings);
    expect_equals_the_cpu(at::zeros({1, 1100}, type), sampling(1, 0.25, 0));
    expect_equals_the_cpu(at::zeros({1, 1100}, type), sampling(1, 1, 77));
    expect_equals_the_cpu(at::zeros({1, 1100}, type), sampling(1, 0.25, 77));
  }
}

// Zeros of both signs are equal; numbers at the ends of float32; a margin that leaves all other weights 0; and rows apart from each other
// that begin where nothing is aligned.
TEST_F(GpuSampler, DrawsWhatTheCpuDrawsOfOddRows) {
  constexpr float kMost = std::numeric_limits<float>::max();
  const Tensor zeros = at::tensor({-0.0F, 0.0F, -1.0F, 0.0F, -0.0F}).view({1, 5});
  const Tensor ends = at::tensor({-kMost, kMost, 1e-45F, -1e-45F, 0.0F, kMost, -kMost}).view({1, 7});
  Tensor margin = at::randn({1, 700}) - 500;
  margin.select(1, 650).fill_(100);
  const Tensor apart = at::randn({2, 1030}).narrow(1, 3, 1021);
  for (const mmpo_sampling& settings : kSettings) {
    for (const Tensor& logits : {zeros, ends, margin, apart}) expect_equals_the_cpu(logits, settings);
  }
  expect_equals_the_cpu(at::randn({1, 151936}), sampling(1, 1, 0));
}

TEST_F(GpuSampler, ARowsTokenDoesNotDependOnItsNeighbours) {
  const Tensor logits_nV = at::randn({5, 600}).to(at::kBFloat16);
  const std::vector<double> uniforms{0.1, 0.9, 0.5, 0.0, 0.3};
  const mmpo_sampling settings = sampling(1, 0.8, 100);
  const std::vector<int32_t> together = drawn(logits_nV, settings, uniforms);
  for (int64_t n = 0; n < 5; ++n) {
    const auto row = static_cast<size_t>(n);
    EXPECT_EQ(drawn(logits_nV.narrow(0, n, 1), settings, {uniforms[row]}), std::vector<int32_t>{together[row]});
  }
  // In whichever order threads run.
  const emulator::Device descending(7, true);
  EXPECT_EQ(drawn(logits_nV, settings, uniforms), together);
}

// Pearson's chi-square, as sampler_test.cpp has it, of draws at the middles of equal parts of [0, 1) and of random ones.
TEST_F(GpuSampler, DrawsFollowTheExactProbabilities) {
  constexpr int64_t kDraws = 400;
  const Tensor logits_V = at::tensor({1.0F, 2.0F, 0.0F, 2.5F, 1.0F, -1.0F, 1.6875F});
  const Tensor expected_V = (logits_V.to(at::kDouble)).softmax(0) * static_cast<double>(kDraws);
  const auto chi_square = [&](const std::vector<double>& uniforms) {
    Tensor counts_V = at::zeros({7}, at::kDouble);
    for (const int32_t token :
         drawn(logits_V.unsqueeze(0).expand({kDraws, 7}).contiguous(), sampling(1, 1, 0), uniforms))
      counts_V[token] += 1;
    return ((counts_V - expected_V).pow(2) / expected_V).sum().item<double>();
  };
  Sampler stream(sampling(1, 1, 0), 5);
  std::vector<double> even, random;
  for (int64_t i = 0; i < kDraws; ++i) {
    even.push_back((static_cast<double>(i) + 0.5) / static_cast<double>(kDraws));
    random.push_back(stream.uniform());
  }
  // Each token's count is off by one at most.
  EXPECT_LT(chi_square(even), 7.0 / expected_V.min().item<double>());
  // The 99.9th percentile at 6 degrees of freedom.
  EXPECT_LT(chi_square(random), 22.5);
}

TEST_F(GpuSampler, ARowThatIsNotFiniteIsRefusedAndNoOther) {
  for (const mmpo_sampling& settings : {sampling(0, 1, 0), sampling(1, 0.9, 3)}) {
    Tensor logits_nV = at::zeros({4, 600}).to(at::kBFloat16);
    logits_nV.select(1, 1).fill_(5);
    logits_nV[0][599] = std::numeric_limits<float>::quiet_NaN();
    logits_nV[1][7] = std::numeric_limits<float>::infinity();
    logits_nV[3][7] = -std::numeric_limits<float>::infinity();
    const std::vector<int32_t> tokens = drawn(logits_nV, settings, {0, 0, 0, 0});
    EXPECT_EQ(tokens, (std::vector<int32_t>{-1, -1, settings.temperature == 0 ? 1 : tokens[2], -1}));
    EXPECT_GE(tokens[2], 0);
    try {
      check_drawn(tokens);
      ADD_FAILURE() << "took a token of logits that are not finite";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), MMPO_NON_FINITE);
    }
  }
}

}  // namespace
}  // namespace mmpo
