// What the draw of a token is made of: the same on the CPU (sampler.cpp) and on a GPU (../../cuda/sample.cu), to the bit.
#pragma once

#include <c10/macros/Macros.h>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace mmpo {

// Sums are made of so many at once, one after the other.
inline constexpr size_t kDrawLanes = 16;
// Weights whose sums are kept, so that a draw looks at one block.
inline constexpr size_t kDrawBlock = 512;

C10_HOST_DEVICE inline int64_t num_draw_blocks(int64_t num_logits) {
  constexpr auto block = static_cast<int64_t>(kDrawBlock);
  return (num_logits + block - 1) / block;
}

// Of all rows of a step.
struct DrawSettings {
  bool greedy;
  float scale;  // 1 / temperature
  double top_p;  // 1: off
  int64_t top_k;  // 0: off
};

// Rounded one by one: nvcc would make one operation of a product and a sum.
C10_HOST_DEVICE inline float rounded_product(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}

// exp(x) for x <= 0, as ../kernels/cpu/exp.h computes it, within 2e-7 of the value relative to it; 0 below -87.
C10_HOST_DEVICE inline float exp_of_negative(float x) {
  const float bounded = x < -87.0F ? -87.0F : x;
  const auto n = static_cast<int32_t>(rounded_product(bounded, 1.44269504F) - 0.5F);
  const auto whole = static_cast<float>(n);
  const float r = (bounded - rounded_product(whole, 0.693359375F)) + rounded_product(whole, 2.12194440e-4F);
  float q = 0.00138145406F;
  q = rounded_product(q, r) + 0.00836874545F;
  q = rounded_product(q, r) + 0.041668389F;
  q = rounded_product(q, r) + 0.166665211F;
  q = rounded_product(q, r) + 0.49999994F;
  const float value = rounded_product(rounded_product(q, r) + 1.0F, r) + 1.0F;
  const int32_t power = (n + 127) << 23;
#ifdef __CUDA_ARCH__
  const float scaled = rounded_product(value, __int_as_float(power));
#else
  const float scaled = rounded_product(value, std::bit_cast<float>(power));
#endif
  return x < -87.0F ? 0.0F : scaled;
}

// A token's probability, times the same for all: 1 for the largest logit's.
C10_HOST_DEVICE inline float draw_weight(float logit, float largest, float scale) {
  return exp_of_negative(rounded_product(logit - largest, scale));
}

}  // namespace mmpo
