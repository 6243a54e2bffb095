// AdamW and sums of squares over flat arrays. Legend: ../../optim/adamw.h.
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

// Elements a thread should at least get.
constexpr int64_t kGrain = 16384;

template <typename T>
struct AdamWArrays {
  T* param;
  const T* grad;
  T* exp_avg;
  T* exp_avg_sq;
  c10::BFloat16* bf16_param;
};

inline void store_bf16(c10::BFloat16* to, Vec value, int64_t count) {
  const auto narrow = at::vec::cvtfp32_bf16(value);
  std::memcpy(to, &narrow, static_cast<size_t>(count) * sizeof(c10::BFloat16));
}

// A double shard is an oracle of tests; its bfloat16 copy may be slow.
inline void store_bf16(c10::BFloat16* to, at::vec::Vectorized<double> value, int64_t count) {
  double lanes[at::vec::Vectorized<double>::size()];
  value.store(lanes);
  for (int64_t i = 0; i < count; ++i) to[i] = c10::BFloat16(static_cast<float>(lanes[i]));
}

inline Vec load_bf16(const c10::BFloat16* from, int64_t count) {
  return count == kLanes ? load(from, Whole{}) : load(from, First{count});
}
inline at::vec::Vectorized<double> widen_bf16(const c10::BFloat16* from, int64_t count) {
  double lanes[at::vec::Vectorized<double>::size()] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = static_cast<double>(from[i]);
  return at::vec::Vectorized<double>::loadu(lanes);
}

// What is trained: the weights, or the bfloat16 ones themselves where there are no others.
template <typename T>
at::vec::Vectorized<T> load_weights(const AdamWArrays<T>& a, int64_t i, int64_t count) {
  if (a.param != nullptr) return at::vec::Vectorized<T>::loadu(a.param + i, count);
  if constexpr (std::is_same_v<T, float>) {
    return load_bf16(a.bf16_param + i, count);
  } else {
    return widen_bf16(a.bf16_param + i, count);
  }
}

template <typename T>
void update(const AdamWArrays<T>& a, int64_t i, int64_t count, const AdamWScalars<T>& s) {
  using V = at::vec::Vectorized<T>;
  const int lanes = static_cast<int>(count);
  const V grad = V::loadu(a.grad + i, count) * V(s.clip);
  V exp_avg = V::loadu(a.exp_avg + i, count);
  V exp_avg_sq = V::loadu(a.exp_avg_sq + i, count);
  exp_avg = at::vec::fmadd(V(s.one_minus_beta1), grad - exp_avg, exp_avg);
  exp_avg_sq = at::vec::fmadd(V(s.one_minus_beta2) * grad, grad, V(s.beta2) * exp_avg_sq);
  const V denominator = at::vec::fmadd(exp_avg_sq.sqrt(), V(s.inverse_root_bc2), V(s.epsilon));
  const V decayed = load_weights(a, i, count) * V(s.decay);
  const V param = decayed - V(s.step_size) * exp_avg / denominator;
  exp_avg.store(a.exp_avg + i, lanes);
  exp_avg_sq.store(a.exp_avg_sq + i, lanes);
  if (a.param != nullptr) param.store(a.param + i, lanes);
  if (a.bf16_param != nullptr) store_bf16(a.bf16_param + i, param, count);
}

struct Wide {
  at::vec::Vectorized<double> low, high;
};

inline Wide widen(Vec value) {
#if defined(CPU_CAPABILITY_AVX512)
  return {_mm512_cvtps_pd(_mm512_castps512_ps256(value)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(value, 1))};
#else
  return {_mm256_cvtps_pd(_mm256_castps256_ps128(value)), _mm256_cvtps_pd(_mm256_extractf128_ps(value, 1))};
#endif
}

inline double block_sum_of_squares(const float* values, int64_t count) {
  using Double = at::vec::Vectorized<double>;
  const Double zero(0.0);
  Wide sums[4] = {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}};
  for_each_vector_of_four(count, [&](int64_t k, int64_t i, auto extent) {
    const Wide wide = widen(load(values + i, extent));
    sums[k].low = at::vec::fmadd(wide.low, wide.low, sums[k].low);
    sums[k].high = at::vec::fmadd(wide.high, wide.high, sums[k].high);
  });
  double total = 0;
  for (const Wide& sum : sums) {
    double lanes[kLanes];
    sum.low.store(lanes);
    sum.high.store(lanes + kLanes / 2);
    for (const double lane : lanes) total += lane;
  }
  return total;
}

inline double block_sum_of_squares(const double* values, int64_t count) {
  double total = 0;
  for (int64_t i = 0; i < count; ++i) total += values[i] * values[i];
  return total;
}

}  // namespace

template <typename T, typename Capability>
void CpuOptimizer<T, Capability>::adamw(T* param, const T* grad, T* exp_avg, T* exp_avg_sq, c10::BFloat16* bf16_param,
                                        int64_t count, const AdamWScalars<T>& scalars) {
  constexpr int64_t lanes = at::vec::Vectorized<T>::size();
  const AdamWArrays<T> arrays{param, grad, exp_avg, exp_avg_sq, bf16_param};
  const int64_t num_vectors = at::divup(count, lanes);
  // Threads get whole vectors, so where one ends does not change how an element is computed.
  at::parallel_for(0, num_vectors, kGrain / lanes, [&](int64_t begin, int64_t end) {
    const int64_t last = std::min(count, end * lanes);
    int64_t i = begin * lanes;
    for (; i + lanes <= last; i += lanes) update(arrays, i, lanes, scalars);
    if (i < last) update(arrays, i, last - i, scalars);
  });
}

template <typename T, typename Capability>
void CpuOptimizer<T, Capability>::sums_of_squares(const T* values, int64_t count, double* partials) {
  at::parallel_for(0, at::divup(count, kNormBlock), 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kNormBlock;
      partials[block] = block_sum_of_squares(values + first, std::min(kNormBlock, count - first));
    }
  });
}

#define MMPO_INSTANTIATE(T)                                                                           \
  template void CpuOptimizer<T, CPU_CAPABILITY>::adamw(T*, const T*, T*, T*, c10::BFloat16*, int64_t, \
                                                       const AdamWScalars<T>&);                       \
  template void CpuOptimizer<T, CPU_CAPABILITY>::sums_of_squares(const T*, int64_t, double*);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(double)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
