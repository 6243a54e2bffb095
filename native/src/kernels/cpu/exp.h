// exp of float vectors, inlined: a call per vector, as Vectorized::exp makes, costs more than the arithmetic.
#pragma once

#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

// value * 2^n for whole n from -150 to 129, denormal results and overflow included.
inline Vec scale_by_power_of_two(Vec value, Vec n) {
#if defined(CPU_CAPABILITY_AVX512)
  return _mm512_scalef_ps(value, n);
#else
  // 2^n itself may be no normal number, its two halves always are.
  const __m256i power = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(power, 1);
  const auto two_to = [](__m256i exponent) -> __m256 {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(exponent, _mm256_set1_epi32(127)), 23));
  };
  return _mm256_mul_ps(_mm256_mul_ps(value, two_to(half)), two_to(_mm256_sub_epi32(power, half)));
#endif
}

// exp(x) = 2^n * exp(r), n = round(x / log 2), |r| <= log(2) / 2, within 1.2e-7 of the value relative to it.
// 0 below -104 and infinity above 89; NaN stays NaN.
inline Vec exp(Vec x) {
  const Vec bounded = at::vec::clamp_max(at::vec::clamp_min(x, Vec(-104.0f)), Vec(89.0f));
  const Vec n = (bounded * Vec(1.44269504f)).round();
  // log 2 in two parts: n times the first is exact.
  const Vec r = at::vec::fmadd(n, Vec(2.12194440e-4f), at::vec::fmadd(n, Vec(-0.693359375f), bounded));
  // 1 + r + r^2 q(r), q the best polynomial of degree 4 for the relative error, which it keeps below 4e-9.
  Vec q = at::vec::fmadd(Vec(0.00138145406f), r, Vec(0.00836874545f));
  q = at::vec::fmadd(q, r, Vec(0.041668389f));
  q = at::vec::fmadd(q, r, Vec(0.166665211f));
  q = at::vec::fmadd(q, r, Vec(0.49999994f));
  return scale_by_power_of_two(at::vec::fmadd(at::vec::fmadd(q, r, Vec(1.0f)), r, Vec(1.0f)), n);
}

}  // namespace
}  // namespace mmpo
