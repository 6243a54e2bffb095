// Loads, stores and loops over float vectors for the files of this directory, bfloat16 converted on the way.
// In an unnamed namespace: each capability must keep its own copy.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/cpu/vec/vec.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace mmpo {
namespace {

using Vec = at::vec::Vectorized<float>;
constexpr int64_t kLanes = Vec::size();

// How much of a vector is there: all of it, or its first elements (the end of a row).
struct Whole {};
struct First {
  int64_t count;
};

inline Vec load(const float* from, Whole) { return Vec::loadu(from); }
inline Vec load(const float* from, First first) { return Vec::loadu(from, first.count); }
inline Vec load(const c10::BFloat16* from, Whole) {
  Vec out;
  at::vec::load_fp32_from_bf16(from, out);
  return out;
}
inline Vec load(const c10::BFloat16* from, First first) {
  c10::BFloat16 padded[kLanes] = {};
  std::memcpy(padded, from, static_cast<size_t>(first.count) * sizeof(c10::BFloat16));
  return load(padded, Whole{});
}

inline void store(float* to, Vec value, Whole) { value.store(to); }
inline void store(float* to, Vec value, First first) { value.store(to, static_cast<int>(first.count)); }
inline auto narrow_to_bf16(Vec value) {
#if defined(__AVX512BF16__)
  return _mm512_cvtneps_pbh(value);
#else
  return at::vec::cvtfp32_bf16(value);
#endif
}

inline void store(c10::BFloat16* to, Vec value, Whole) {
  const auto narrow = narrow_to_bf16(value);
  std::memcpy(to, &narrow, sizeof(narrow));
}
inline void store(c10::BFloat16* to, Vec value, First first) {
  const auto narrow = narrow_to_bf16(value);
  std::memcpy(to, &narrow, static_cast<size_t>(first.count) * sizeof(c10::BFloat16));
}

// The elements that are there, zero in place of the others.
inline Vec kept(Vec value, Whole) { return value; }
inline Vec kept(Vec value, First first) {
  float lanes[kLanes] = {};
  value.store(lanes, static_cast<int>(first.count));
  return Vec::loadu(lanes);
}

// Two vectors of elements that follow each other: one store, a whole cache line of bfloat16 with AVX-512.
template <typename T>
void store_two(T* to, Vec first, Vec second) {
#if defined(__AVX512BF16__)
  if constexpr (std::is_same_v<T, c10::BFloat16>) {
    const __m512bh narrow = _mm512_cvtne2ps_pbh(second, first);
    std::memcpy(to, &narrow, sizeof(narrow));
    return;
  }
#endif
  store(to, first, Whole{});
  store(to + kLanes, second, Whole{});
}

// A store past the caches, where `to` begins a cache line; stream_fence() before another thread reads it.
inline void stream(float* to, Vec value) {
#if defined(CPU_CAPABILITY_AVX512)
  _mm512_stream_ps(to, value);
#else
  _mm256_stream_ps(to, value);
#endif
}

// store_two past the caches, on the same terms; but for bfloat16 where no instruction makes a line of it.
template <typename T>
void stream_two(T* to, Vec first, Vec second) {
#if defined(__AVX512BF16__)
  if constexpr (std::is_same_v<T, c10::BFloat16>) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to), reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first)));
    return;
  }
#endif
  if constexpr (std::is_same_v<T, float>) {
    stream(to, first);
    stream(to + kLanes, second);
  } else {
    store_two(to, first, second);
  }
}

inline void stream_fence() { _mm_sfence(); }

// body(i, extent) for i = 0, kLanes, 2 kLanes ...; extent is First for the last, shorter piece.
template <typename Body>
inline void for_each_vector(int64_t count, const Body& body) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) body(i, Whole{});
  if (i < count) body(i, First{count - i});
}

// The same with body(k, i, extent), k from 0 to 3 in turns: four accumulators hide the latency of an addition.
template <typename Body>
inline void for_each_vector_of_four(int64_t count, const Body& body) {
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int64_t k = 0; k < 4; ++k) body(k, i + k * kLanes, Whole{});
  }
  for_each_vector(count - i, [&](int64_t j, auto extent) { body(0, i + j, extent); });
}

// Halves onto halves: the rounding of a tree, and always the same one.
inline float sum_lanes(Vec value) {
#if defined(CPU_CAPABILITY_AVX512)
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(value), _mm512_extractf32x8_ps(value, 1));
#else
  const __m256 eight = value;
#endif
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

inline float max_lanes(Vec value) {
#if defined(CPU_CAPABILITY_AVX512)
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(value), _mm512_extractf32x8_ps(value, 1));
#else
  const __m256 eight = value;
#endif
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

inline float sum_lanes(const Vec (&sums)[4]) { return sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])); }

// Rows a thread should at least get: about 32k elements, so that waking threads does not cost more than it saves.
inline int64_t row_grain(int64_t columns) { return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, columns)); }

}  // namespace
}  // namespace mmpo
