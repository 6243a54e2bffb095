// The kernels on raw rows of device memory: what cpu/cpu_kernels.h is for the CPU, on a stream.
//
// A file of ../../cuda defines members for CUDA_PLATFORM: Gpu, where nvcc compiles it; EmulatedGpu, where the tests compile
// the same source with a C++ compiler and run the threads of a block as fibers (../../tests/cuda/emulator.h), so that what is
// launched, indexed and summed is tested on machines without a GPU. Plain C++ without CUDA's headers may read this one.
//
// A call returns once its kernels are queued; it throws c10::Error where they cannot be. Arguments are device pointers, kept
// alive by the caller until the stream has passed; matrices are never empty of columns, and without rows nothing is launched.
// Every result has the same bits in every run on every number of multiprocessors: sums are made in a fixed order, never
// with atomic additions. Legend: kernels.h.
#pragma once

#include "common/cuda_runtime.h"
#include "kernels/arguments.h"

namespace mmpo {

// The longest row of rms_norm and its like: one block of threads holds it in registers.
inline constexpr int64_t kLongestNormRow = 16384;

// The largest number of e4m3 (float8_e4m3fn: it has no infinity).
inline constexpr float kLargestE4m3 = 448;

template <typename T, typename Platform = Gpu>
struct CudaKernels {
  MMPO_CUDA_API static void rms_norm(Rows<const T> x, const T* weight, float eps, Rows<T> out, float* rstd,
                                     cudaStream_t stream);
  MMPO_CUDA_API static void rms_norm_recompute(Rows<const T> x, const T* weight, const float* rstd, Rows<T> out,
                                               cudaStream_t stream);
  // partials: float [ceil(T / kWeightGradientBlock), H] scratch, with grad_weight; both null where the weight is frozen.
  MMPO_CUDA_API static void rms_norm_backward(Rows<const T> grad_out, Rows<const T> x, const T* weight,
                                              const float* rstd, Rows<T> grad_x, float* grad_weight, float* partials,
                                              Into into, cudaStream_t stream);
  // cosines, sines: [positions, head_dim / 2].
  MMPO_CUDA_API static void rope(Heads<T> x, const float* cosines, const float* sines, Positions positions,
                                 bool inverse, cudaStream_t stream);
  MMPO_CUDA_API static void swiglu(Rows<const T> gate_up, Rows<T> out, cudaStream_t stream);
  MMPO_CUDA_API static void swiglu_backward(Rows<const T> grad_out, Rows<const T> gate_up, Rows<T> grad_gate_up,
                                            cudaStream_t stream);
  MMPO_CUDA_API static void log_softmax_gather(Rows<const T> logits, const int64_t* targets, float* lse, float* logp,
                                               SoftmaxExtras extras, cudaStream_t stream);
  MMPO_CUDA_API static void softmax_gradient(Rows<T> logits, const int64_t* targets, const float* lse,
                                             const float* weights, EntropyTerms entropy, cudaStream_t stream);
  MMPO_CUDA_API static void log_softmax_gradient(Rows<T> logits, const int64_t* targets, const float* weights,
                                                 float* logp, cudaStream_t stream);
};

// Products with an input behind dropout (dropout_linear.h), with the masks of the CPU, to the bit.
template <typename T, typename Platform = Gpu>
struct CudaDropoutLinear {
  // Floats of scratch that either direction wants.
  MMPO_CUDA_API static int64_t scratch_size(int64_t tokens, int64_t columns, int64_t rank, int64_t products);
  MMPO_CUDA_API static void forward(Rows<const T> x, Rows<const T> weight, const DropoutMasks& masks, float scale,
                                    float* scratch, Rows<T> out, cudaStream_t stream);
  MMPO_CUDA_API static void backward(Rows<const T> grad, Rows<const T> x, Rows<const T> weight,
                                     const DropoutMasks& masks, float* scratch, Rows<T> grad_x, Rows<float> grad_weight,
                                     cudaStream_t stream);
};

// sum[rows[r]] += from[r] in the order of r, rounded to Sum each time: the bits of the sequential loop.
template <typename T, typename Sum, typename Platform = Gpu>
struct CudaRows {
  MMPO_CUDA_API static void add(Rows<const T> from, const int64_t* rows, Rows<Sum> sum, cudaStream_t stream);
};

// Rows rounded to e4m3, bitwise as on the CPU but for the bits of NaN, and matrices of bytes turned (quantized.h).
template <typename Platform = Gpu>
struct CudaQuantized {
  // factors: one a column; null: 1. scales: one a row.
  MMPO_CUDA_API static void quantize(Rows<const c10::BFloat16> x, const float* factors, Rows<uint8_t> q, float* scales,
                                     cudaStream_t stream);
  MMPO_CUDA_API static void transpose(Rows<const uint8_t> from, Rows<uint8_t> to, cudaStream_t stream);
};

template <typename T, typename Platform = Gpu>
struct CudaOptimizer {
  MMPO_CUDA_API static void adamw(T* param, const T* grad, T* exp_avg, T* exp_avg_sq, c10::BFloat16* bf16_param,
                                  int64_t count, const AdamWScalars<T>& scalars, cudaStream_t stream);
  // partials: [ceil(count / kNormBlock)], each the sum of squares of its block.
  MMPO_CUDA_API static void sums_of_squares(const T* values, int64_t count, double* partials, cudaStream_t stream);
};

// *out = the sum of values.
template <typename Platform = Gpu>
struct CudaSum {
  MMPO_CUDA_API static void sum(const double* values, int64_t count, double* out, cudaStream_t stream);
};

// Bitwise what the CPU computes. The books, too, lie in device memory.
template <typename Platform = Gpu>
struct CudaAdam8bit {
  MMPO_CUDA_API static void step(const Adam8bitArrays& arrays, const Adam8bitScalars& scalars, const CodeBook* book1,
                                 const CodeBook* book2, cudaStream_t stream);
};

}  // namespace mmpo
