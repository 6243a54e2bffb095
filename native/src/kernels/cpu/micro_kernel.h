// Small matrix products on packed operands: float32 in registers, bfloat16 on matrix units or by dot products. In an unnamed namespace:
// each capability keeps its own.
#pragma once

#include <ATen/ceil_div.h>

#include "kernels/cpu/dot_products.h"
#include "kernels/cpu/gemm_kernels.h"
#include "kernels/cpu/matrix_units.h"
#include "kernels/cpu/register_blocks.h"
#include "kernels/cpu/row_math.h"
#include "kernels/cpu/scratch.h"

namespace mmpo {
namespace {

template <typename P>
using MicroKernel = MicroKernelShape<P, CPU_CAPABILITY>;

// c [rows, columns] = (add ? c : 0) + a [rows, depths] panel; the panel as gemm_pack.h makes it.
inline void multiply_tile(const ProductShape& shape, const float* a, int64_t a_stride, bool add, const float* panel,
                          float* c, int64_t c_stride) {
  multiply_vectors<FloatProductsAddedLast>(shape, a, a_stride, add, panel, c, c_stride);
  const int64_t done = shape.columns / kVectorColumns * kVectorColumns;
  const int64_t left = shape.columns - done;
  for (int64_t i = 0; left > 0 && i < shape.rows; ++i) {
    float sums[kVectorColumns] = {};
    for (int64_t k = 0; k < shape.depths; ++k)
      add_scaled(panel + k * shape.columns + done, left, a[i * a_stride + k], sums);
    float* const row = c + i * c_stride + done;
    for (int64_t j = 0; j < left; ++j) row[j] = add ? row[j] + sums[j] : sums[j];
  }
}

#if defined(__AVX512BF16__)

// Columns and depths that do not fill tiles: by way of copies that do, with zeros past the last.
inline void multiply_padded(const ProductShape& shape, const c10::BFloat16* a, int64_t a_stride, bool add,
                            const c10::BFloat16* panel, float* c, int64_t c_stride) {
  static thread_local Scratch a_memory, panel_memory, c_memory;
  const ProductShape whole{shape.rows, at::round_up(shape.columns, kTileSide), at::round_up(shape.depths, kStepDepths)};
  auto* const own_a = a_memory.resize<c10::BFloat16>(whole.rows * whole.depths);
  auto* const own_panel = panel_memory.resize<c10::BFloat16>(whole.depths * whole.columns);
  auto* const own_c = c_memory.resize<float>(whole.rows * whole.columns);
  std::fill_n(own_a, whole.rows * whole.depths, c10::BFloat16(0.0F));
  std::fill_n(own_panel, whole.depths * whole.columns, c10::BFloat16(0.0F));
  std::fill_n(own_c, whole.rows * whole.columns, 0.0F);
  for (int64_t i = 0; i < shape.rows; ++i) {
    std::copy_n(a + i * a_stride, shape.depths, own_a + i * whole.depths);
    if (add) std::copy_n(c + i * c_stride, shape.columns, own_c + i * whole.columns);
  }
  for (int64_t k = 0; k < shape.depths; k += 2)
    std::copy_n(panel + k * shape.columns, 2 * shape.columns, own_panel + k * whole.columns);
  multiply_whole_tiles(whole, own_a, whole.depths, true, own_panel, own_c, whole.columns);
  for (int64_t i = 0; i < shape.rows; ++i) std::copy_n(own_c + i * whole.columns, shape.columns, c + i * c_stride);
}

inline void multiply_tile(const ProductShape& shape, const c10::BFloat16* a, int64_t a_stride, bool add,
                          const c10::BFloat16* panel, float* c, int64_t c_stride) {
  const bool whole = shape.columns % kTileSide == 0 && shape.depths % kStepDepths == 0;
  (whole ? multiply_whole_tiles : multiply_padded)(shape, a, a_stride, add, panel, c, c_stride);
}

#endif

// What a task that multiplies holds meanwhile.
struct NoUnits {
  NoUnits() {}  // NOLINT(modernize-use-equals-default): else the compiler takes an object of it for unused
};
template <typename P>
struct UnitsOf {
  using type = NoUnits;
};
#if defined(__AMX_BF16__)
template <>
struct UnitsOf<c10::BFloat16> {
  using type = MatrixUnits;
};
#endif
template <typename P>
using MicroKernelScope = typename UnitsOf<P>::type;

}  // namespace
}  // namespace mmpo
