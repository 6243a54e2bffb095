// What the kernels take, on the CPU and on CUDA: raw rows and small structs. Legend: kernels.h.
//
// Only plain pointers come here: an inline function of a large header that was compiled for AVX-512 could otherwise be the copy
// that the linker keeps for everyone, and CUDA kernels know no tensors.
#pragma once

#include <c10/macros/Macros.h>
#include <c10/util/BFloat16.h>

#include <cstdint>

namespace mmpo {

// A matrix whose rows are contiguous and stride elements apart; or, where `run` is not 0, so many of them are, and the next so
// many begin run_stride elements further on: heads of tokens.
template <typename T>
struct Rows {
  T* data;
  int64_t count;
  int64_t columns;
  int64_t stride;
  int64_t run = 0;
  int64_t run_stride = 0;

  C10_HOST_DEVICE T* operator[](int64_t row) const {
    return run == 0 ? data + row * stride : data + row / run * run_stride + row % run * stride;
  }
};

// What a gradient does to the memory it goes to: adds to what is there; writes over it.
enum class Into { kSum, kNothing };

// Token positions, int32 or int64: exactly one of the two is not null.
struct Positions {
  const int32_t* narrow;
  const int64_t* wide;

  C10_HOST_DEVICE int64_t operator[](int64_t token) const { return narrow != nullptr ? narrow[token] : wide[token]; }
};

// [T, N, D] with strides of tokens and heads.
template <typename T>
struct Heads {
  T* data;
  int64_t tokens, heads, head_dim;
  int64_t token_stride, head_stride;
};

// Which random numbers decide about an element of a matrix: those of (key, stream, the row's number, column).
struct DropoutStream {
  uint64_t key;
  uint32_t stream;
  uint32_t threshold;  // of 65536: dropped where 16 random bits lie below
  int64_t first_row = 0;  // the place of row 0, where the matrix is a part of another
  const int64_t* numbers = nullptr;  // of the rows of that, by place; null: their places

  C10_HOST_DEVICE int64_t number(int64_t row) const {
    return numbers == nullptr ? first_row + row : numbers[first_row + row];
  }
};

// Masks of matrix products that read the same matrix: at most those of q, k and v.
inline constexpr int64_t kMostMasks = 3;
struct DropoutMasks {
  int64_t count = 0;
  DropoutStream at[kMostMasks] = {};
};

// Rows that share one partial sum of the weight gradient: the same for every number of threads.
inline constexpr int64_t kWeightGradientBlock = 32;

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

// Moments that share a scale.
inline constexpr int64_t kAdam8bitBlock = 256;

// The signed book's code of +0: a tiny negative moment takes the code below it, or it would never be told from none.
inline constexpr int32_t kZeroCode = 127;

// One update's scalars of the 8-bit optimizer. All are rounded as bitsandbytes rounds them.
struct Adam8bitScalars {
  float clip;  // multiplies the gradient
  float beta1, beta2, one_minus_beta1, one_minus_beta2;
  float epsilon;  // epsilon * sqrt(1 - beta2^t)
  float step_size;  // -learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
  float decay;  // 1 - learning_rate * weight_decay
};

// A parameter and its quantized moments: ../optim/adam8bit.h.
struct Adam8bitArrays {
  float* param;
  const float* grad;
  uint8_t* codes1;
  uint8_t* codes2;
  float* absmax1;
  float* absmax2;
  c10::BFloat16* bf16_param;
  int64_t count;
};

// What a pass over logits leaves beside log-probabilities, a number a row; null where nobody asks.
struct SoftmaxExtras {
  float* log_squares = nullptr;  // the log of the sum of squared probabilities
  float* entropies = nullptr;  // of the probabilities, in nats
  bool* is_first = nullptr;  // whether the target is the first of the row's largest logits

  C10_HOST_DEVICE bool reads_more_sums() const { return log_squares != nullptr || entropies != nullptr; }
};

// What the gradient of a row has beside that of its log-probability: so much of its entropy's. Null: nothing.
struct EntropyTerms {
  const float* entropies = nullptr;
  const float* weights = nullptr;

  C10_HOST_DEVICE float weight(int64_t row) const { return weights == nullptr ? 0.0f : weights[row]; }
  C10_HOST_DEVICE float entropy(int64_t row) const { return entropies == nullptr ? 0.0f : entropies[row]; }
};

// Below it exp is 0 in float32, and the product of the two, which would be NaN at minus infinity, counts as 0.
inline constexpr float kNoProbability = -200;

// Elements whose squares share one partial sum.
inline constexpr int64_t kNormBlock = 32768;

}  // namespace mmpo
