#include "generate/sampler.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "common/device.h"
#include "common/error.h"
#include "generate/cuda_sampler.h"
#include "kernels/tensor_rows.h"

namespace mmpo {
namespace {

std::mt19937_64 stream(uint64_t seed, uint64_t sequence) {
  std::seed_seq parts{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32U), static_cast<uint32_t>(sequence),
                      static_cast<uint32_t>(sequence >> 32U)};
  return std::mt19937_64(parts);
}

[[noreturn]] void fail_of_non_finite() {
  fail(MMPO_NON_FINITE, "the model's logits are not finite (NaN or infinity): its weights are too large or damaged");
}

// The largest of values, which must be finite. Whole numbers are compared, of which the compiler makes vectors, in the order of the
// numbers whose bits they are.
float largest_of_finite(std::span<const float> values) {
  constexpr int32_t kInfinity = 0x7f800000;
  std::array<int32_t, kDrawLanes> largest, smallest_headroom;
  largest.fill(std::numeric_limits<int32_t>::min());
  smallest_headroom.fill(kInfinity);
  const auto take = [&](size_t lane, float value) {
    const auto bits = std::bit_cast<int32_t>(value);
    const int32_t magnitude = bits & std::numeric_limits<int32_t>::max();
    const int32_t key = bits ^ ((bits >> 31) & std::numeric_limits<int32_t>::max());
    largest[lane] = key > largest[lane] ? key : largest[lane];
    const int32_t headroom = kInfinity - magnitude;
    smallest_headroom[lane] = headroom < smallest_headroom[lane] ? headroom : smallest_headroom[lane];
  };
  size_t i = 0;
  for (; i + kDrawLanes <= values.size(); i += kDrawLanes) {
    for (size_t lane = 0; lane < kDrawLanes; ++lane) take(lane, values[i + lane]);
  }
  for (; i < values.size(); ++i) take(0, values[i]);
  if (*std::ranges::min_element(smallest_headroom) <= 0) fail_of_non_finite();
  const int32_t key = *std::ranges::max_element(largest);
  return std::bit_cast<float>(key ^ ((key >> 31) & std::numeric_limits<int32_t>::max()));
}

double sum(std::span<const float> values) {
  std::array<double, kDrawLanes> sums{};
  size_t i = 0;
  for (; i + kDrawLanes <= values.size(); i += kDrawLanes) {
    for (size_t lane = 0; lane < kDrawLanes; ++lane) sums[lane] += static_cast<double>(values[i + lane]);
  }
  for (; i < values.size(); ++i) sums[0] += static_cast<double>(values[i]);
  double total = 0;
  for (const double part : sums) total += part;
  return total;
}

// The place at which the sum of weights so far exceeds the given part of their total; a weight of 0 is never drawn.
size_t draw(std::span<const float> weights, double uniform) {
  std::vector<double> sums;
  double total = 0;
  for (size_t i = 0; i < weights.size(); i += kDrawBlock) {
    sums.push_back(total);
    total += sum(weights.subspan(i, std::min(kDrawBlock, weights.size() - i)));
  }
  const double target = uniform * total;
  const auto block = static_cast<size_t>(std::ranges::upper_bound(sums, target) - sums.begin()) - 1;
  double reached = sums[block];
  size_t last = block * kDrawBlock;
  const size_t end = std::min(last + kDrawBlock, weights.size());
  for (size_t i = last; i < end; ++i) {
    if (weights[i] == 0) continue;
    last = i;
    reached += static_cast<double>(weights[i]);
    if (reached > target) break;
  }
  return last;
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

DrawSettings draw_settings(const mmpo_sampling& sampling) {
  // Neither infinity nor 0, which would make NaN of 0 and of infinity.
  const double scale = std::clamp(1 / sampling.temperature, static_cast<double>(std::numeric_limits<float>::min()),
                                  static_cast<double>(std::numeric_limits<float>::max()));
  return {sampling.temperature == 0, static_cast<float>(scale), sampling.top_p, sampling.top_k};
}

Sampler::Sampler(const mmpo_sampling& sampling, uint64_t sequence)
    : sampling_(sampling), random_(stream(sampling.seed, sequence)) {}

int32_t Sampler::next(std::span<const float> logits_V) {
  const float largest = largest_of_finite(logits_V);
  if (sampling_.temperature == 0) {
    return static_cast<int32_t>(std::ranges::find(logits_V, largest) - logits_V.begin());
  }
  const float scale = draw_settings(sampling_).scale;
  weights_.resize(logits_V.size());
  for (size_t i = 0; i < logits_V.size(); ++i) weights_[i] = draw_weight(logits_V[i], largest, scale);
  const bool selects_count = sampling_.top_k > 0 && sampling_.top_k < static_cast<int64_t>(logits_V.size());
  const bool selects_mass = sampling_.top_p < 1;
  if (!selects_count && !selects_mass) return static_cast<int32_t>(draw(weights_, uniform()));
  candidates_.clear();
  const float least = selects_count ? least_of_top_k(logits_V) : std::numeric_limits<float>::lowest();
  // Tokens of less weight have less than 1 - top_p of the total together: the set that reaches it needs none of them.
  const float lightest =
      selects_count
          ? 0
          : static_cast<float>((1 - sampling_.top_p) * sum(weights_) / static_cast<double>(2 * weights_.size()));
  for (size_t i = 0; i < logits_V.size(); ++i) {
    if (logits_V[i] >= least && weights_[i] >= lightest) {
      candidates_.push_back({static_cast<int32_t>(i), logits_V[i], weights_[i]});
    }
  }
  if (selects_count) keep_top_k();
  if (selects_mass) keep_top_p(selects_count ? -1 : sum(weights_));
  weights_.resize(candidates_.size());
  std::ranges::transform(candidates_, weights_.begin(), &Candidate::weight);
  return candidates_[draw(weights_, uniform())].token;
}

double Sampler::uniform() { return static_cast<double>(random_() >> 11U) * 0x1.0p-53; }

float Sampler::least_of_top_k(std::span<const float> logits_V) {
  // The k-th largest of blocks' largest: at least k tokens have as much.
  const auto count = static_cast<size_t>(sampling_.top_k);
  constexpr size_t kTokens = 64;
  std::vector<float> largest;
  for (size_t i = 0; i < logits_V.size(); i += kTokens) {
    largest.push_back(std::ranges::max(logits_V.subspan(i, std::min(kTokens, logits_V.size() - i))));
  }
  if (largest.size() < count) return std::numeric_limits<float>::lowest();
  const auto kth = largest.begin() + static_cast<int64_t>(count) - 1;
  std::ranges::nth_element(largest, kth, std::ranges::greater());
  return *kth;
}

bool Sampler::is_likelier(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

void Sampler::keep_to(const Candidate& last) {
  std::erase_if(candidates_, [&](const Candidate& other) { return is_likelier(last, other); });
}

void Sampler::keep_top_k() {
  ranked_ = candidates_;
  const auto last = ranked_.begin() + sampling_.top_k - 1;
  std::ranges::nth_element(ranked_, last, is_likelier);
  keep_to(*last);
}

void Sampler::keep_top_p(double total) {
  const auto mass = [](auto begin, auto end) {
    double sum = 0;
    for (; begin != end; ++begin) sum += static_cast<double>(begin->weight);
    return sum;
  };
  ranked_ = candidates_;
  if (total < 0) total = mass(ranked_.begin(), ranked_.end());
  // Halves of what is in question: the likelier half, with all that is likelier still, reaches the mass or does not.
  const double target = sampling_.top_p * total;
  auto begin = ranked_.begin();
  auto end = ranked_.end();
  double reached = 0;
  while (end - begin > 1) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, is_likelier);
    const double half = mass(begin, middle);
    if (reached + half >= target) {
      end = middle;
    } else {
      reached += half;
      begin = middle;
    }
  }
  keep_to(*begin);
}

Tensor draw_on_gpu(const Tensor& logits_nV, const mmpo_sampling& sampling, const std::vector<double>& uniforms_n) {
  const auto options = logits_nV.options();
  const Tensor sums = at::empty({logits_nV.size(0), num_draw_blocks(logits_nV.size(1))}, options.dtype(at::kDouble));
  const Tensor tokens_n = at::empty({logits_nV.size(0)}, options.dtype(at::kInt));
  const Tensor there_n = to_device(uniforms_n, logits_nV.device());
  with_type(logits_nV, [&]<typename T>(std::type_identity<T>) {
    CudaSampler<T>::draw(rows<const T>(logits_nV), draw_settings(sampling), there_n.const_data_ptr<double>(),
                         sums.mutable_data_ptr<double>(), tokens_n.mutable_data_ptr<int32_t>(), cuda_stream());
  });
  return tokens_n;
}

void check_drawn(std::span<const int32_t> tokens) {
  if (std::ranges::find(tokens, -1) != tokens.end()) fail_of_non_finite();
}

}  // namespace mmpo
