// Arithmetic on short contiguous rows, float vectors inside. In an unnamed namespace: each capability keeps its own copy.
#pragma once

#include <limits>

#include "kernels/cpu/exp.h"
#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline float larger(float a, float b) { return a > b ? a : b; }

inline void fill(float* to, int64_t count, float value) {
  for (int64_t i = 0; i < count; ++i) to[i] = value;
}

// to = from * scale, converted to or from bfloat16.
template <typename From, typename To>
void scale_row(const From* from, int64_t count, float scale, To* to) {
  const Vec factor(scale);
  for_each_vector(count, [&](int64_t i, auto extent) { store(to + i, load(from + i, extent) * factor, extent); });
}

// to += from * scale.
template <typename From>
void add_scaled(const From* from, int64_t count, float scale, float* to) {
  const Vec factor(scale);
  for_each_vector(count, [&](int64_t i, auto extent) {
    store(to + i, at::vec::fmadd(load(from + i, extent), factor, load(to + i, extent)), extent);
  });
}

// Sum of x * y; what lies past the end loads as 0.
template <typename X, typename Y>
float dot_row(const X* x, const Y* y, int64_t count) {
  Vec sum(0.0F);
  for_each_vector(count,
                  [&](int64_t i, auto extent) { sum = at::vec::fmadd(load(x + i, extent), load(y + i, extent), sum); });
  return sum_lanes(sum);
}

inline float max_row(const float* row, int64_t count) {
  float maximum = -std::numeric_limits<float>::infinity();
  int64_t i = 0;
  if (count >= kLanes) {
    Vec best(maximum);
    for (; i + kLanes <= count; i += kLanes) best = at::vec::maximum(best, Vec::loadu(row + i));
    maximum = max_lanes(best);
  }
  for (; i < count; ++i) maximum = larger(maximum, row[i]);
  return maximum;
}

// row = exp(row - shift); returns the sum.
inline float exp_row(float* row, int64_t count, float shift) {
  const Vec minus(shift);
  Vec sum(0.0F);
  for_each_vector(count, [&](int64_t i, auto extent) {
    store(row + i, exp(load(row + i, extent) - minus), extent);
    sum = sum + load(row + i, extent);
  });
  return sum_lanes(sum);
}

}  // namespace
}  // namespace mmpo
