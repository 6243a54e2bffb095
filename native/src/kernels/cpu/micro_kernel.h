// Small matrix products on packed operands, by oneDNN's micro-kernels. In an unnamed namespace: each capability keeps its own.
#pragma once

#include <ATen/native/CPUBlas.h>

#include "kernels/cpu/gemm_kernels.h"
#include "kernels/cpu/row_math.h"

namespace mmpo {
namespace {

inline int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

struct ProductShape {
  int64_t rows;  // a multiple of kRowMultiple
  int64_t columns;  // of the packed panel
  int64_t depths;  // even in bfloat16
};

// c [rows, columns] = (add ? c : 0) + a [rows, depths] panel; the panel as gemm_pack.h makes it.
inline void multiply_tile(const ProductShape& shape, const float* a, int64_t a_stride, bool add, const float* panel,
                          float* c, int64_t c_stride) {
#if defined(CPU_CAPABILITY_AVX512)
  at::native::cpublas::brgemm(shape.rows, shape.columns, shape.depths, a_stride, shape.columns, c_stride, add, a, panel,
                              c);
#else
  for (int64_t i = 0; i < shape.rows; ++i) {
    float* row = c + i * c_stride;
    if (!add) fill(row, shape.columns, 0.0F);
    for (int64_t k = 0; k < shape.depths; ++k)
      add_scaled(panel + k * shape.columns, shape.columns, a[i * a_stride + k], row);
  }
#endif
}

#if defined(__AVX512BF16__)
inline void multiply_tile(const ProductShape& shape, const c10::BFloat16* a, int64_t a_stride, bool add,
                          const c10::BFloat16* panel, float* c, int64_t c_stride) {
  at::native::cpublas::brgemm(shape.rows, shape.columns, shape.depths, a_stride, shape.columns, c_stride, add, a, panel,
                              c, true);
}
#endif

// The matrix units' setting belongs to the thread and would be in the way of whoever multiplies next: every task that
// multiplies bfloat16 holds one of these.
template <typename P>
struct MicroKernelScope {
  MicroKernelScope() = default;
  ~MicroKernelScope() {
    if constexpr (std::is_same_v<P, c10::BFloat16>) at::native::cpublas::brgemm_release(true);
  }
  MicroKernelScope(const MicroKernelScope&) = delete;
  MicroKernelScope& operator=(const MicroKernelScope&) = delete;
};

}  // namespace
}  // namespace mmpo
