// The kernels on raw rows, compiled once for each CPU capability. Legend: ../kernels.h.
//
// A file of this directory defines members of CpuKernels<T, CPU_CAPABILITY>, where the build defines CPU_CAPABILITY as AVX2,
// AVX512, or AMX (AVX-512 with bfloat16 conversions and matrix units); ../dispatch.h chooses. Only plain pointers come here: an inline function of a large header that was compiled
// for AVX-512 could otherwise be the copy that the linker keeps for everyone.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace mmpo {

struct AVX2;
struct AVX512;
struct AMX;

// A matrix whose rows are contiguous and stride elements apart.
template <typename T>
struct Rows {
  T* data;
  int64_t count;
  int64_t columns;
  int64_t stride;

  T* operator[](int64_t row) const { return data + row * stride; }
};

// Token positions, int32 or int64: exactly one of the two is not null.
struct Positions {
  const int32_t* narrow;
  const int64_t* wide;

  int64_t operator[](int64_t token) const { return narrow != nullptr ? narrow[token] : wide[token]; }
};

// [T, N, D] with strides of tokens and heads.
template <typename T>
struct Heads {
  T* data;
  int64_t tokens, heads, head_dim;
  int64_t token_stride, head_stride;
};

// Which random numbers decide about an element of a matrix: those of (key, stream, row, column).
struct DropoutStream {
  uint64_t key;
  uint32_t stream;
  uint32_t threshold;  // of 65536: dropped where 16 random bits lie below
  int64_t first_row = 0;  // what row 0 is called, where the matrix is a part of another
};

// Rows that share one partial sum of the weight gradient: the same for every number of threads.
inline constexpr int64_t kWeightGradientBlock = 32;

template <typename T, typename Capability>
struct CpuKernels {
  static void rms_norm(Rows<const T> x, const T* weight, float eps, Rows<T> out, float* rstd);
  static void add_rms_norm(Rows<T> residual, Rows<const T> branch, const T* weight, float eps, Rows<T> out,
                           float* rstd);
  static void rms_norm_recompute(Rows<const T> x, const T* weight, const float* rstd, Rows<T> out);
  // partials: float [ceil(T / kWeightGradientBlock), H] scratch, with grad_weight; both null where the weight is frozen.
  static void rms_norm_backward(Rows<const T> grad_out, Rows<const T> x, const T* weight, const float* rstd,
                                Rows<T> grad_x, float* grad_weight, float* partials);
  // cosines, sines: [positions, head_dim / 2].
  static void rope(Heads<T> x, const float* cosines, const float* sines, Positions positions, bool inverse);
  static void swiglu(Rows<const T> gate_up, Rows<T> out);
  static void swiglu_backward(Rows<const T> grad_out, Rows<const T> gate_up, Rows<T> grad_gate_up);
  static void dropout(Rows<const T> x, const DropoutStream& stream, Rows<T> out);
  static void dropout_backward(Rows<const float> grad, Rows<const T> x, const DropoutStream& stream, Rows<T> kept,
                               Rows<T> grad_x);
  static void log_softmax_gather(Rows<const T> logits, const int64_t* targets, float* lse, float* logp);
  static void softmax_gradient(Rows<T> logits, const int64_t* targets, const float* lse, const float* weights);
};

// One update's scalars, in the arithmetic type of the shard.
template <typename T>
struct AdamWScalars {
  T decay;  // 1 - learning_rate * weight_decay
  T clip;  // multiplies the gradient
  T beta2, epsilon;
  T one_minus_beta1, one_minus_beta2;  // rounded once: 1 - 0.999f is off by 5e-5
  T step_size;  // learning_rate / (1 - beta1^t)
  T inverse_root_bc2;  // 1 / sqrt(1 - beta2^t)
};

// 256 ascending values, and how to find the nearest of x in [-1, 1] in two look-ups: the leading bits of x give the code of the
// smallest number that has them, and of x itself that is the code or the next one.
struct CodeBook {
  static constexpr int kBinShift = 16;  // a bin: sign, exponent and seven bits of the mantissa
  static constexpr int kFirstBin = (127 - 24) << 7;  // magnitudes below 2^-24 share the first bin
  static constexpr int kBins = (24 << 7) + 2;  // up to 1 and what rounds there; as many again for negative numbers

  float value[256];
  float last[256];  // the largest x that value[k] is the nearest of
  uint8_t first[2 * kBins + 3];  // read four at a time
};

// One update's scalars of the 8-bit optimizer. All are rounded as bitsandbytes rounds them.
struct Adam8bitScalars {
  float clip;  // multiplies the gradient
  float beta1, beta2, one_minus_beta1, one_minus_beta2;
  float epsilon;  // epsilon * sqrt(1 - beta2^t)
  float step_size;  // -learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
  float decay;  // 1 - learning_rate * weight_decay
};

// A parameter and its quantized moments: ../../optim/adam8bit.h.
struct Adam8bitArrays {
  float* param;
  float* grad;
  uint8_t* codes1;
  uint8_t* codes2;
  float* absmax1;
  float* absmax2;
  c10::BFloat16* bf16_param;
  int64_t count;
};

// Elements whose squares share one partial sum.
inline constexpr int64_t kNormBlock = 32768;

template <typename T, typename Capability>
struct CpuOptimizer {
  static void adamw(T* param, T* grad, T* exp_avg, T* exp_avg_sq, c10::BFloat16* bf16_param, int64_t count,
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
