#include "generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "common/error.h"

namespace mmpo {
namespace {

std::mt19937_64 stream(uint64_t seed, uint64_t sequence) {
  std::seed_seq parts{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32U), static_cast<uint32_t>(sequence),
                      static_cast<uint32_t>(sequence >> 32U)};
  return std::mt19937_64(parts);
}

}  // namespace

void check_sampling(const mmpo_sampling& sampling) {
  require(sampling.temperature >= 0 && std::isfinite(sampling.temperature), "temperature must be >= 0, got ",
          sampling.temperature);
  require(sampling.top_p > 0 && sampling.top_p <= 1, "top_p must be in (0, 1], got ", sampling.top_p);
  require(sampling.top_k >= 0, "top_k must be >= 0 (0: off), got ", sampling.top_k);
  require(sampling.max_new_tokens > 0 && sampling.max_new_tokens <= std::numeric_limits<int32_t>::max(),
          "max_new_tokens must be > 0 and fit 32 bits, got ", sampling.max_new_tokens);
}

Sampler::Sampler(const mmpo_sampling& sampling, uint64_t sequence)
    : sampling_(sampling), random_(stream(sampling.seed, sequence)) {}

int32_t Sampler::next(std::span<const float> logits_V) {
  // NaN has no order to sort by.
  if (!std::ranges::all_of(logits_V, [](float logit) { return std::isfinite(logit); })) {
    fail(MMPO_NON_FINITE, "the model's logits are not finite (NaN or infinity): its weights are too large or damaged");
  }
  if (sampling_.temperature == 0) {
    return static_cast<int32_t>(std::ranges::max_element(logits_V) - logits_V.begin());
  }
  std::vector<int32_t> tokens(logits_V.size());
  std::iota(tokens.begin(), tokens.end(), 0);
  const auto more_likely = [&](int32_t a, int32_t b) {
    const float x = logits_V[static_cast<size_t>(a)];
    const float y = logits_V[static_cast<size_t>(b)];
    return x > y || (x == y && a < b);
  };
  auto count = static_cast<int64_t>(tokens.size());
  if (sampling_.top_k > 0 && sampling_.top_k < count) {
    count = sampling_.top_k;
    std::nth_element(tokens.begin(), tokens.begin() + count, tokens.end(), more_likely);
    tokens.resize(static_cast<size_t>(count));
  }
  if (sampling_.top_p < 1) std::ranges::sort(tokens, more_likely);
  float maximum = logits_V[static_cast<size_t>(tokens.front())];
  for (const int32_t token : tokens) maximum = std::max(maximum, logits_V[static_cast<size_t>(token)]);
  std::vector<double> cumulative;
  double total = 0;
  for (const int32_t token : tokens) {
    total += std::exp(static_cast<double>(logits_V[static_cast<size_t>(token)] - maximum) / sampling_.temperature);
    cumulative.push_back(total);
  }
  if (sampling_.top_p < 1) {
    const auto last = std::ranges::lower_bound(cumulative, sampling_.top_p * total);
    cumulative.resize(static_cast<size_t>(std::min(last, cumulative.end() - 1) - cumulative.begin()) + 1);
    total = cumulative.back();
  }
  const double uniform = static_cast<double>(random_() >> 11U) * 0x1.0p-53;  // [0, 1)
  const auto drawn = std::ranges::upper_bound(cumulative, uniform * total);
  return tokens[static_cast<size_t>(std::min(drawn, cumulative.end() - 1) - cumulative.begin())];
}

}  // namespace mmpo
