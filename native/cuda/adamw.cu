// AdamW over flat arrays, a pack of each for a thread: one pass over memory. Legend: ../src/optim/adamw.h.
#include "cuda/pack.cuh"

namespace mmpo {
namespace {

constexpr int kThreads = 256;

// What is trained: the weights, or the bfloat16 ones themselves where there are no others.
template <int N, typename T>
__device__ __forceinline__ Pack<T, N> load_weights(const T* params, const c10::BFloat16* bf16_params, int64_t first,
                                                   int64_t left, bool aligned) {
  if (params != nullptr) return load<N>(params + first, left, aligned);
  const Floats<N> narrow = load_floats<N>(bf16_params + first, left, aligned);
  Pack<T, N> wide;
#pragma unroll
  for (int i = 0; i < N; ++i) wide.value[i] = static_cast<T>(narrow.at[i]);
  return wide;
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    update(T* params, const T* grads, T* exp_avgs, T* exp_avg_sqs, c10::BFloat16* bf16_params, int64_t count,
           AdamWScalars<T> s, bool aligned) {
  constexpr int kElements = kWidth<T>;
  const int64_t first = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * kElements;
  const int64_t left = count - first;
  if (left <= 0) return;
  Pack<T, kElements> param = load_weights<kElements>(params, bf16_params, first, left, aligned);
  const Pack<T, kElements> grad = load<kElements>(grads + first, left, aligned);
  Pack<T, kElements> exp_avg = load<kElements>(exp_avgs + first, left, aligned);
  Pack<T, kElements> exp_avg_sq = load<kElements>(exp_avg_sqs + first, left, aligned);
  Floats<kElements> narrow;
#pragma unroll
  for (int i = 0; i < kElements; ++i) {
    const T g = grad.value[i] * s.clip;
    const T m = fma(s.one_minus_beta1, g - exp_avg.value[i], exp_avg.value[i]);
    const T v = fma(s.one_minus_beta2 * g, g, s.beta2 * exp_avg_sq.value[i]);
    const T denominator = fma(sqrt(v), s.inverse_root_bc2, s.epsilon);
    const T updated = param.value[i] * s.decay - s.step_size * m / denominator;
    param.value[i] = updated;
    exp_avg.value[i] = m;
    exp_avg_sq.value[i] = v;
    narrow.at[i] = static_cast<float>(updated);
  }
  if (params != nullptr) store(params + first, param, left, aligned);
  store(exp_avgs + first, exp_avg, left, aligned);
  store(exp_avg_sqs + first, exp_avg_sq, left, aligned);
  if (bf16_params != nullptr) store_floats(bf16_params + first, narrow, left, aligned);
}

}  // namespace

template <typename T, typename Platform>
void CudaOptimizer<T, Platform>::adamw(T* param, const T* grad, T* exp_avg, T* exp_avg_sq, c10::BFloat16* bf16_param,
                                       int64_t count, const AdamWScalars<T>& scalars, cudaStream_t stream) {
  constexpr int kElements = kWidth<T>;
  const bool aligned = is_aligned<kElements>(param) && is_aligned<kElements>(grad) && is_aligned<kElements>(exp_avg) &&
                       is_aligned<kElements>(exp_avg_sq) && is_aligned<kElements>(bf16_param);
  launch(update<T>, blocks(ceil_div(count, kThreads * kElements)), kThreads, stream, param, grad, exp_avg, exp_avg_sq,
         bf16_param, count, scalars, aligned);
}

#define MMPO_INSTANTIATE(T)                                                                           \
  template void CudaOptimizer<T, CUDA_PLATFORM>::adamw(T*, const T*, T*, T*, c10::BFloat16*, int64_t, \
                                                       const AdamWScalars<T>&, cudaStream_t);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(double)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
