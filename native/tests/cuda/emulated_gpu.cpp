// The CUDA side of a library without one: the core's weak references, met by the same kernels run as fibers. So a test that sets
// emulates_gpu() takes the GPU's way through the whole engine on the CPU's memory. In mmpo_tests alone: the CUDA library has
// the real ones.
#include "common/cuda_runtime.h"
#include "cuda/sizes_alone.h"
#include "generate/cuda_sampler.h"
#include "kernels/cuda_kernels.h"
#include "loss/cuda_pairs.h"

namespace mmpo {

cudaStream_t cuda_stream() { return nullptr; }

#define MMPO_EMULATE(T, function, parameters, arguments)                      \
  template <>                                                                 \
  void CudaKernels<T, Gpu>::function parameters {                             \
    if (testing::computes()) CudaKernels<T, EmulatedGpu>::function arguments; \
  }
#define MMPO_EMULATE_KERNELS(T)                                                                                       \
  MMPO_EMULATE(T, rms_norm,                                                                                           \
               (Rows<const T> x, const T* weight, float eps, Rows<T> out, float* rstd, cudaStream_t stream),          \
               (x, weight, eps, out, rstd, stream))                                                                   \
  MMPO_EMULATE(T, rms_norm_recompute,                                                                                 \
               (Rows<const T> x, const T* weight, const float* rstd, Rows<T> out, cudaStream_t stream),               \
               (x, weight, rstd, out, stream))                                                                        \
  MMPO_EMULATE(T, rms_norm_backward,                                                                                  \
               (Rows<const T> grad_out, Rows<const T> x, const T* weight, const float* rstd, Rows<T> grad_x,          \
                float* grad_weight, float* partials, Into into, cudaStream_t stream),                                 \
               (grad_out, x, weight, rstd, grad_x, grad_weight, partials, into, stream))                              \
  MMPO_EMULATE(                                                                                                       \
      T, rope,                                                                                                        \
      (Heads<T> x, const float* cosines, const float* sines, Positions positions, bool inverse, cudaStream_t stream), \
      (x, cosines, sines, positions, inverse, stream))                                                                \
  MMPO_EMULATE(T, swiglu, (Rows<const T> gate_up, Rows<T> out, cudaStream_t stream), (gate_up, out, stream))          \
  MMPO_EMULATE(T, swiglu_backward,                                                                                    \
               (Rows<const T> grad_out, Rows<const T> gate_up, Rows<T> grad_gate_up, cudaStream_t stream),            \
               (grad_out, gate_up, grad_gate_up, stream))                                                             \
  MMPO_EMULATE(T, log_softmax_gather,                                                                                 \
               (Rows<const T> logits, const int64_t* targets, float* lse, float* logp, SoftmaxExtras extras,          \
                cudaStream_t stream),                                                                                 \
               (logits, targets, lse, logp, extras, stream))                                                          \
  MMPO_EMULATE(T, log_softmax_gradient,                                                                               \
               (Rows<T> logits, const int64_t* targets, const float* weights, float* logp, cudaStream_t stream),      \
               (logits, targets, weights, logp, stream))                                                              \
  MMPO_EMULATE(T, softmax_gradient,                                                                                   \
               (Rows<T> logits, const int64_t* targets, const float* lse, const float* weights, EntropyTerms entropy, \
                cudaStream_t stream),                                                                                 \
               (logits, targets, lse, weights, entropy, stream))
MMPO_EMULATE_KERNELS(float)
MMPO_EMULATE_KERNELS(c10::BFloat16)

#define MMPO_EMULATE_DROPOUT(T)                                                                                      \
  template <>                                                                                                        \
  int64_t CudaDropoutLinear<T, Gpu>::scratch_size(int64_t tokens, int64_t columns, int64_t rank, int64_t products) { \
    return CudaDropoutLinear<T, EmulatedGpu>::scratch_size(tokens, columns, rank, products);                         \
  }                                                                                                                  \
  template <>                                                                                                        \
  void CudaDropoutLinear<T, Gpu>::forward(Rows<const T> x, Rows<const T> weight, const DropoutMasks& masks,          \
                                          float scale, float* scratch, Rows<T> out, cudaStream_t stream) {           \
    if (testing::computes())                                                                                         \
      CudaDropoutLinear<T, EmulatedGpu>::forward(x, weight, masks, scale, scratch, out, stream);                     \
  }                                                                                                                  \
  template <>                                                                                                        \
  void CudaDropoutLinear<T, Gpu>::backward(Rows<const T> grad, Rows<const T> x, Rows<const T> weight,                \
                                           const DropoutMasks& masks, float* scratch, Rows<T> grad_x,                \
                                           Rows<float> grad_weight, cudaStream_t stream) {                           \
    if (testing::computes())                                                                                         \
      CudaDropoutLinear<T, EmulatedGpu>::backward(grad, x, weight, masks, scratch, grad_x, grad_weight, stream);     \
  }
MMPO_EMULATE_DROPOUT(float)
MMPO_EMULATE_DROPOUT(c10::BFloat16)

#define MMPO_EMULATE_ROWS(T, Sum)                                                                                \
  template <>                                                                                                    \
  void CudaRows<T, Sum, Gpu>::add(Rows<const T> from, const int64_t* rows, Rows<Sum> sum, cudaStream_t stream) { \
    if (testing::computes()) CudaRows<T, Sum, EmulatedGpu>::add(from, rows, sum, stream);                        \
  }
MMPO_EMULATE_ROWS(float, float)
MMPO_EMULATE_ROWS(c10::BFloat16, float)
MMPO_EMULATE_ROWS(c10::BFloat16, c10::BFloat16)

template <>
void CudaQuantized<Gpu>::quantize(Rows<const c10::BFloat16> x, const float* factors, Rows<uint8_t> q, float* scales,
                                  cudaStream_t stream) {
  if (testing::computes()) CudaQuantized<EmulatedGpu>::quantize(x, factors, q, scales, stream);
}
template <>
void CudaQuantized<Gpu>::transpose(Rows<const uint8_t> from, Rows<uint8_t> to, cudaStream_t stream) {
  if (testing::computes()) CudaQuantized<EmulatedGpu>::transpose(from, to, stream);
}

#define MMPO_EMULATE_SAMPLER(T)                                                                              \
  template <>                                                                                                \
  void CudaSampler<T, Gpu>::draw(Rows<const T> logits, const DrawSettings& settings, const double* uniforms, \
                                 double* sums, int32_t* tokens, cudaStream_t stream) {                       \
    CudaSampler<T, EmulatedGpu>::draw(logits, settings, uniforms, sums, tokens, stream);                     \
  }
MMPO_EMULATE_SAMPLER(float)
MMPO_EMULATE_SAMPLER(c10::BFloat16)

template <>
void CudaPairs<Gpu>::weights(const mmpo_objective& objective, const BatchFacts& facts, const PairRows* pairs,
                             int64_t num_pairs, const float* logp, const float* log_squares, float* out,
                             cudaStream_t stream) {
  if (testing::computes())
    CudaPairs<EmulatedGpu>::weights(objective, facts, pairs, num_pairs, logp, log_squares, out, stream);
}
template <>
void CudaOptimizer<float, Gpu>::adamw(float* param, const float* grad, float* exp_avg, float* exp_avg_sq,
                                      c10::BFloat16* bf16_param, int64_t count, const AdamWScalars<float>& scalars,
                                      cudaStream_t stream) {
  if (testing::computes())
    CudaOptimizer<float, EmulatedGpu>::adamw(param, grad, exp_avg, exp_avg_sq, bf16_param, count, scalars, stream);
}
template <>
void CudaOptimizer<float, Gpu>::sums_of_squares(const float* values, int64_t count, double* partials,
                                                cudaStream_t stream) {
  if (testing::computes()) CudaOptimizer<float, EmulatedGpu>::sums_of_squares(values, count, partials, stream);
}
template <>
void CudaSum<Gpu>::sum(const double* values, int64_t count, double* out, cudaStream_t stream) {
  if (testing::computes()) CudaSum<EmulatedGpu>::sum(values, count, out, stream);
}
template <>
void CudaAdam8bit<Gpu>::step(const Adam8bitArrays& arrays, const Adam8bitScalars& scalars, const CodeBook* book1,
                             const CodeBook* book2, cudaStream_t stream) {
  if (testing::computes()) CudaAdam8bit<EmulatedGpu>::step(arrays, scalars, book1, book2, stream);
}

}  // namespace mmpo
