// The kernels on raw rows, compiled once for each CPU capability. Legend: ../kernels.h.
//
// A file of this directory defines members of CpuKernels<T, CPU_CAPABILITY>, where the build defines CPU_CAPABILITY as AVX2,
// AVX512, AVX512_BF16 (with bfloat16 conversions and dot products) or AMX (with matrix units too); ../dispatch.h chooses.
#pragma once

#include "kernels/arguments.h"

namespace mmpo {

struct AVX2;
struct AVX512;
struct AVX512_BF16;
struct AMX;

template <typename T, typename Capability>
struct CpuKernels {
  static void rms_norm(Rows<const T> x, const T* weight, float eps, Rows<T> out, float* rstd);
  static void rms_norm_recompute(Rows<const T> x, const T* weight, const float* rstd, Rows<T> out);
  // partials: float [ceil(T / kWeightGradientBlock), H] scratch, with grad_weight; both null where the weight is frozen.
  static void rms_norm_backward(Rows<const T> grad_out, Rows<const T> x, const T* weight, const float* rstd,
                                Rows<T> grad_x, float* grad_weight, float* partials, Into into);
  // cosines, sines: [positions, head_dim / 2].
  static void rope(Heads<T> x, const float* cosines, const float* sines, Positions positions, bool inverse);
  static void swiglu(Rows<const T> gate_up, Rows<T> out);
  static void swiglu_backward(Rows<const T> grad_out, Rows<const T> gate_up, Rows<T> grad_gate_up);
  // out = x where the stream keeps an element, 0 where it does not.
  static void dropout(Rows<const T> x, const DropoutStream& stream, Rows<T> out);
  // grad_x += grad where an element is kept, and kept = dropout of x again, with the mask made once.
  static void dropout_backward(Rows<const float> grad, Rows<const T> x, const DropoutStream& stream, Rows<T> kept,
                               Rows<T> grad_x);
  static void log_softmax_gather(Rows<const T> logits, const int64_t* targets, float* lse, float* logp,
                                 SoftmaxExtras extras);
  static void softmax_gradient(Rows<T> logits, const int64_t* targets, const float* lse, const float* weights,
                               EntropyTerms entropy);
  static void log_softmax_gradient(Rows<T> logits, const int64_t* targets, const float* weights, float* logp);
};

template <typename T, typename Capability>
struct CpuOptimizer {
  static void adamw(T* param, const T* grad, T* exp_avg, T* exp_avg_sq, c10::BFloat16* bf16_param, int64_t count,
                    const AdamWScalars<T>& scalars);
  // partials: [ceil(count / kNormBlock)], each the sum of squares of its block.
  static void sums_of_squares(const T* values, int64_t count, double* partials);
};

template <typename Capability>
struct CpuAdam8bit {
  static void step(const Adam8bitArrays& arrays, const Adam8bitScalars& scalars, const CodeBook& book1,
                   const CodeBook& book2);
};

}  // namespace mmpo
