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

inline float sum_lanes(Vec value) {
  float lanes[kLanes];
  value.store(lanes);
  // Halves onto halves: the rounding of a tree, and always the same one.
  for (int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (int64_t i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

inline float sum_lanes(const Vec (&sums)[4]) { return sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])); }

// Rows a thread should at least get: about 32k elements, so that waking threads does not cost more than it saves.
inline int64_t row_grain(int64_t columns) { return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, columns)); }

}  // namespace
}  // namespace mmpo
