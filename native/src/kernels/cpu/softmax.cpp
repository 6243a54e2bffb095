// The head's log-softmax at the target, and its gradient in place. Legend: ../kernels.h.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/exp.h"
#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

// Logits that are looked at twice, for their maximum and for their exponentials, while they are in the first-level cache.
constexpr int64_t kBlock = 1024;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Of the elements that are numbers.
template <typename T>
float block_max(const T* x, int64_t count) {
  Vec largest[4] = {Vec(kMinusInfinity), Vec(kMinusInfinity), Vec(kMinusInfinity), Vec(kMinusInfinity)};
  for_each_vector_of_four(count, [&](int64_t k, int64_t i, auto extent) {
    Vec value = load(x + i, extent);
    if constexpr (std::is_same_v<decltype(extent), First>) value = Vec::set(Vec(kMinusInfinity), value, extent.count);
    // clamp_min is the processor's own maximum, and cheaper than the one that keeps a NaN.
    largest[k] = at::vec::clamp_min(value, largest[k]);
  });
  float lanes[4 * kLanes];
  for (int64_t k = 0; k < 4; ++k) largest[k].store(lanes + k * kLanes);
  float result = kMinusInfinity;
  for (const float lane : lanes) result = lane > result ? lane : result;
  return result;
}

// Of exponentials, and where somebody asks of their squares and of each times its exponent.
struct Sums {
  double plain = 0, squares = 0, products = 0;

  // As if every exponent were so much smaller. Before the first number there is nothing to move.
  void lower(double by) {
    const double factor = std::exp(-by);
    products = plain == 0 ? 0 : factor * (products - by * plain);
    plain *= factor;
    squares *= factor * factor;
  }
};

template <bool kExtras, typename T>
Sums block_sum_exp(const T* x, float max, int64_t count) {
  Vec sums[4] = {Vec(0.0f), Vec(0.0f), Vec(0.0f), Vec(0.0f)};
  Vec squares[4] = {Vec(0.0f), Vec(0.0f), Vec(0.0f), Vec(0.0f)};
  Vec products[4] = {Vec(0.0f), Vec(0.0f), Vec(0.0f), Vec(0.0f)};
  const Vec shift(max);
  for_each_vector_of_four(count, [&](int64_t k, int64_t i, auto extent) {
    const Vec exponent = load(x + i, extent) - shift;
    Vec value = exp(exponent);
    if constexpr (std::is_same_v<decltype(extent), First>) value = Vec::set(Vec(0.0f), value, extent.count);
    sums[k] = sums[k] + value;
    if constexpr (kExtras) {
      squares[k] = at::vec::fmadd(value, value, squares[k]);
      products[k] = at::vec::fmadd(value, at::vec::clamp_min(exponent, Vec(kNoProbability)), products[k]);
    }
  });
  Sums result{.plain = static_cast<double>(sum_lanes(sums))};
  if constexpr (kExtras) {
    result.squares = static_cast<double>(sum_lanes(squares));
    result.products = static_cast<double>(sum_lanes(products));
  }
  return result;
}

struct LogSums {
  float max;  // of the numbers
  double exponentials;
  double squared_probabilities;
  double entropy;
};

// One pass: a running maximum and the sum of exponentials relative to it. Blocks are summed in float, their sums in double.
// A NaN comes through the sum.
template <bool kExtras, typename T>
LogSums log_sums(const T* x, int64_t count) {
  float max = kMinusInfinity;
  Sums total;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t size = std::min(kBlock, count - begin);
    const float largest = block_max(x + begin, size);
    if (largest > max) {
      total.lower(static_cast<double>(largest) - static_cast<double>(max));
      max = largest;
    }
    // Where all so far is minus infinity, relative to 0: minus infinity from itself would be NaN.
    const Sums part = block_sum_exp<kExtras>(x + begin, max == kMinusInfinity ? 0.0f : max, size);
    total.plain += part.plain;
    total.squares += part.squares;
    total.products += part.products;
  }
  const double log_sum = std::log(total.plain);
  return {max, static_cast<double>(max) + log_sum, std::log(total.squares) - 2 * log_sum,
          log_sum - total.products / total.plain};
}

// Among logits of which one is no number there is no first.
template <typename T>
bool is_first(const T* x, int64_t target, const LogSums& sums) {
  const T* const own = x + target;
  return !std::isnan(sums.exponentials) && static_cast<float>(*own) == sums.max && std::find(x, own, *own) == own;
}

template <typename T>
double log_sum_exp(const T* x, int64_t count) {
  return log_sums<false>(x, count).exponentials;
}

// -p * (weight + entropy_weight * (log p + entropy)), and weight more at the target: the derivatives of log p there and of the entropy.
template <typename T>
void entropy_gradient_row(T* logits, int64_t target, float lse, float weight, float entropy, float entropy_weight,
                          int64_t count) {
  const Vec shift(lse);
  const Vec constant(-(weight + entropy_weight * entropy));
  const Vec slope(-entropy_weight);
  const float at_target = static_cast<float>(logits[target]) - lse;
  for_each_vector(count, [&](int64_t i, auto extent) {
    const Vec logp = at::vec::clamp_min(load(logits + i, extent) - shift, Vec(kNoProbability));
    store(logits + i, exp(logp) * at::vec::fmadd(slope, logp, constant), extent);
  });
  const float logp = std::max(at_target, kNoProbability);
  logits[target] = weight * -std::expm1(at_target) - entropy_weight * std::exp(logp) * (logp + entropy);
}

template <typename T>
void gradient_row(T* logits, int64_t target, float lse, float weight, int64_t count) {
  if (weight == 0) {
    std::fill(logits, logits + count, T(0.0f));
    return;
  }
  const Vec shift(lse);
  const Vec scale(-weight);
  // 1 - softmax without cancellation where the target is nearly certain.
  const float at_target = weight * -std::expm1(static_cast<float>(logits[target]) - lse);
  for_each_vector(
      count, [&](int64_t i, auto extent) { store(logits + i, exp(load(logits + i, extent) - shift) * scale, extent); });
  logits[target] = at_target;
}

}  // namespace

template <typename T, typename Capability>
void CpuKernels<T, Capability>::log_softmax_gather(Rows<const T> logits, const int64_t* targets, float* lse,
                                                   float* logp, SoftmaxExtras extras) {
  at::parallel_for(0, logits.count, row_grain(logits.columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const LogSums sums = extras.reads_more_sums() ? log_sums<true>(logits[row], logits.columns)
                                                    : log_sums<false>(logits[row], logits.columns);
      if (extras.log_squares != nullptr) extras.log_squares[row] = static_cast<float>(sums.squared_probabilities);
      if (extras.entropies != nullptr) extras.entropies[row] = static_cast<float>(sums.entropy);
      if (extras.is_first != nullptr) extras.is_first[row] = is_first(logits[row], targets[row], sums);
      const double sum = sums.exponentials;
      lse[row] = static_cast<float>(sum);
      logp[row] = static_cast<float>(static_cast<double>(logits[row][targets[row]]) - sum);
    }
  });
}

template <typename T, typename Capability>
void CpuKernels<T, Capability>::softmax_gradient(Rows<T> logits, const int64_t* targets, const float* lse,
                                                 const float* weights, EntropyTerms entropy) {
  at::parallel_for(0, logits.count, row_grain(logits.columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      if (entropy.weight(row) == 0) {
        gradient_row(logits[row], targets[row], lse[row], weights[row], logits.columns);
      } else {
        entropy_gradient_row(logits[row], targets[row], lse[row], weights[row], entropy.entropy(row),
                             entropy.weight(row), logits.columns);
      }
    }
  });
}

// A row is in the cache when it is looked at again.
template <typename T, typename Capability>
void CpuKernels<T, Capability>::log_softmax_gradient(Rows<T> logits, const int64_t* targets, const float* weights,
                                                     float* logp) {
  at::parallel_for(0, logits.count, row_grain(logits.columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const double sum = log_sum_exp<T>(logits[row], logits.columns);
      logp[row] = static_cast<float>(static_cast<double>(logits[row][targets[row]]) - sum);
      gradient_row(logits[row], targets[row], static_cast<float>(sum), weights[row], logits.columns);
    }
  });
}

#define MMPO_INSTANTIATE(T)                                                                                          \
  template void CpuKernels<T, CPU_CAPABILITY>::log_softmax_gather(Rows<const T>, const int64_t*, float*, float*,     \
                                                                  SoftmaxExtras);                                    \
  template void CpuKernels<T, CPU_CAPABILITY>::softmax_gradient(Rows<T>, const int64_t*, const float*, const float*, \
                                                                EntropyTerms);                                       \
  template void CpuKernels<T, CPU_CAPABILITY>::log_softmax_gradient(Rows<T>, const int64_t*, const float*, float*);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
