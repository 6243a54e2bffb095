// Draws against exact probabilities: Pearson's chi-square over many draws with fixed seeds.
#include "generate/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/error.h"

namespace mmpo {
namespace {

// In no order, with two that are equal. Probabilities at temperature 1: 0.0855, 0.2325, 0.0315, 0.3833, 0.0855, 0.0116, 0.1701.
const std::vector<float> kLogits = {1.0F, 2.0F, 0.0F, 2.5F, 1.0F, -1.0F, 1.6875F};

mmpo_sampling sampling(double temperature, double top_p, int64_t top_k) {
  return {.temperature = temperature, .top_p = top_p, .top_k = top_k, .seed = 77, .max_new_tokens = 1};
}

// exp(logit / temperature) over the tokens that are left.
std::vector<double> probabilities(double temperature, const std::set<size_t>& tokens) {
  std::vector<double> values(kLogits.size(), 0.0);
  double total = 0;
  for (const size_t token : tokens)
    total += values[token] = std::exp(static_cast<double>(kLogits[token]) / temperature);
  for (double& value : values) value /= total;
  return values;
}

struct Filter {
  std::string name;
  mmpo_sampling settings;
  std::set<size_t> kept;  // worked out by hand
};

class SamplerTest : public ::testing::TestWithParam<Filter> {};

TEST_P(SamplerTest, DrawsFollowTheExactProbabilities) {
  constexpr int num_draws = 20000;
  const std::vector<double> expected = probabilities(GetParam().settings.temperature, GetParam().kept);
  std::vector<int> counts(kLogits.size(), 0);
  Sampler sampler(GetParam().settings, 5);
  for (int i = 0; i < num_draws; ++i) ++counts[static_cast<size_t>(sampler.next(kLogits))];
  double chi_square = 0;
  for (size_t token = 0; token < kLogits.size(); ++token) {
    if (!GetParam().kept.contains(token)) {
      EXPECT_EQ(counts[token], 0) << "token " << token << " is filtered out";
      continue;
    }
    const double mean = expected[token] * num_draws;
    chi_square += (counts[token] - mean) * (counts[token] - mean) / mean;
  }
  // The 99.9th percentile at 6 degrees of freedom, the most there are here.
  EXPECT_LT(chi_square, 22.5);
}

INSTANTIATE_TEST_SUITE_P(
    Filters, SamplerTest,
    ::testing::Values(Filter{"none", sampling(1, 1, 0), {0, 1, 2, 3, 4, 5, 6}},
                      Filter{"hot", sampling(3, 1, 0), {0, 1, 2, 3, 4, 5, 6}},
                      Filter{"cold", sampling(0.5, 1, 0), {0, 1, 2, 3, 4, 5, 6}},
                      Filter{"top_k", sampling(1, 1, 3), {1, 3, 6}},
                      // The fourth and fifth are equal: the smaller id stays.
                      Filter{"top_k_between_equals", sampling(1, 1, 4), {0, 1, 3, 6}},
                      Filter{"top_k_beyond_the_vocabulary", sampling(1, 1, 100), {0, 1, 2, 3, 4, 5, 6}},
                      // 0.3833 + 0.2325 = 0.6158 is below 0.7, + 0.1701 reaches it.
                      Filter{"top_p", sampling(1, 0.7, 0), {1, 3, 6}},
                      Filter{"top_p_of_one_token", sampling(1, 0.38, 0), {3}},
                      // Of the best two 0.3833 / 0.6158 = 0.6225 reach 0.6: top-k comes first.
                      Filter{"top_k_then_top_p", sampling(1, 0.6, 2), {3}},
                      // At temperature 0.5 the best has 0.575: temperature comes before both.
                      Filter{"temperature_then_top_p", sampling(0.5, 0.57, 0), {3}}),
    [](const auto& test) { return test.param.name; });

// The tokens that are drawn at all are those that a sort of the whole vocabulary keeps, which many equal logits are in.
TEST(Sampler, KeepsWhatASortWouldKeep) {
  std::mt19937_64 random(5);
  std::vector<float> logits(3000);
  for (float& logit : logits) logit = static_cast<float>(random() % 64) / 16.0F;
  std::vector<size_t> order(logits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(), [&](size_t token) { return logits[token]; });
  for (const auto& [top_p, top_k] : std::vector<std::pair<double, int64_t>>{
           {1, 1}, {1, 20}, {1, 47}, {1, 2999}, {0.01, 0}, {0.02, 0}, {0.01, 900}, {0.5, 20}}) {
    std::vector<size_t> kept(order.begin(), order.begin() + (top_k == 0 ? 3000 : top_k));
    double total = 0;
    for (const size_t token : kept) total += std::exp(static_cast<double>(logits[token]));
    double reached = 0;
    size_t count = 0;
    while (count < kept.size() && (top_p == 1 || reached < top_p * total))
      reached += std::exp(static_cast<double>(logits[kept[count++]]));
    kept.resize(count);
    const std::set<size_t> expected(kept.begin(), kept.end());
    std::set<size_t> drawn;
    Sampler sampler(sampling(1, top_p, top_k), 5);
    for (int i = 0; i < 400; ++i) drawn.insert(static_cast<size_t>(sampler.next(logits)));
    EXPECT_TRUE(std::ranges::includes(expected, drawn)) << "top_p " << top_p << ", top_k " << top_k;
    // Of few tokens 400 draws of at least a hundredth each have nearly all.
    if (expected.size() > 50) continue;
    EXPECT_GE(drawn.size(), expected.size() * 9 / 10) << "top_p " << top_p << ", top_k " << top_k;
  }
}

TEST(Sampler, GreedyTakesTheFirstOfEqualMaxima) {
  Sampler sampler(sampling(0, 1, 0), 0);
  EXPECT_EQ(sampler.next(std::vector<float>{1, 3, 2, 3}), 1);
}

TEST(Sampler, VeryLowTemperatureIsGreedy) {
  Sampler sampler(sampling(1e-300, 1, 0), 0);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sampler.next(kLogits), 3);
}

TEST(Sampler, StreamsDependOnSeedAndSequence) {
  const auto draws = [](uint64_t seed, uint64_t sequence) {
    mmpo_sampling settings = sampling(1, 1, 0);
    settings.seed = seed;
    Sampler sampler(settings, sequence);
    std::vector<int32_t> tokens;
    for (int i = 0; i < 40; ++i) tokens.push_back(sampler.next(kLogits));
    return tokens;
  };
  EXPECT_EQ(draws(1, 0), draws(1, 0));
  EXPECT_NE(draws(1, 0), draws(2, 0));
  EXPECT_NE(draws(1, 0), draws(1, 1));
  EXPECT_NE(draws(1, 0), draws(uint64_t{1} << 32U, 1));
}

TEST(Sampler, RefusesLogitsThatAreNotFinite) {
  for (const double temperature : {0.0, 1.0}) {
    for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      std::vector<float> logits = kLogits;
      logits[4] = value;
      Sampler sampler(sampling(temperature, 0.9, 3), 0);
      try {
        sampler.next(logits);
        ADD_FAILURE() << "drew from logits with " << value;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), MMPO_NON_FINITE);
      }
    }
  }
}

TEST(CheckSampling, NamesTheField) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::pair<std::string, std::function<void(mmpo_sampling&)>>> breaches = {
      {"temperature", [](auto& s) { s.temperature = -0.1; }},
      {"temperature", [](auto& s) { s.temperature = nan; }},
      {"temperature", [](auto& s) { s.temperature = std::numeric_limits<double>::infinity(); }},
      {"top_p", [](auto& s) { s.top_p = 0; }},
      {"top_p", [](auto& s) { s.top_p = 1.01; }},
      {"top_p", [](auto& s) { s.top_p = nan; }},
      {"top_k", [](auto& s) { s.top_k = -1; }},
      {"max_new_tokens", [](auto& s) { s.max_new_tokens = 0; }},
      {"max_new_tokens", [](auto& s) { s.max_new_tokens = std::numeric_limits<int64_t>::max(); }}};
  for (const auto& [field, breach] : breaches) {
    mmpo_sampling settings = sampling(1, 1, 0);
    EXPECT_NO_THROW(check_sampling(settings));
    breach(settings);
    try {
      check_sampling(settings);
      ADD_FAILURE() << field << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), MMPO_INVALID_ARGUMENT);
      EXPECT_EQ(std::string(error.what()).find(field), 0U) << error.what();
    }
  }
}

}  // namespace
}  // namespace mmpo
