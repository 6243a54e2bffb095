// Copies of operands in the order in which the micro-kernel reads them. In an unnamed namespace: each capability keeps its own.
//
// B becomes panels [depth][64] of float32, or [depth / 2][64][2] of bfloat16: a unit is two depths of a column. A is read where
// it is, or copied: rows of the depths, contiguous. Units of bfloat16 move as 32-bit values.
#pragma once

#include "kernels/cpu/gemm_kernels.h"
#include "kernels/cpu/row_math.h"

namespace mmpo {
namespace {

constexpr int64_t kTile = 16;

inline void transpose(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                      int64_t to_stride) {
#if defined(CPU_CAPABILITY_AVX512)
  at::vec::transpose_mxn<float>(from, from_stride, to, to_stride, static_cast<int>(rows), static_cast<int>(columns));
#else
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * to_stride + i] = from[i * from_stride + j];
  }
#endif
}

inline void transpose(const c10::BFloat16* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                      int64_t to_stride) {
  alignas(64) float tile[kTile * kTile];
  for (int64_t i = 0; i < rows; i += kTile) {
    const int64_t num_rows = smaller(kTile, rows - i);
    for (int64_t j = 0; j < columns; j += kTile) {
      const int64_t num_columns = smaller(kTile, columns - j);
      for (int64_t r = 0; r < num_rows; ++r)
        scale_row(from + (i + r) * from_stride + j, num_columns, 1.0F, tile + r * kTile);
      transpose(tile, kTile, num_rows, num_columns, to + j * to_stride + i, to_stride);
    }
  }
}

// Columns [column, column + count) of a panel's depths.
template <typename T>
void pack_panel(const GemmMatrix<T>& b, const GemmBlock& block, int64_t column, int64_t count, float* panel) {
  const int64_t first = block.column + column;
  if (b.transposed) {
    transpose(b.data + first * b.stride + block.depth, b.stride, count, block.depths, panel, kPanelColumns);
  }
  for (int64_t k = 0; k < block.depths; ++k) {
    float* row = panel + k * kPanelColumns;
    if (!b.transposed) scale_row(b.data + (block.depth + k) * b.stride + first, count, 1.0F, row);
    if (count < kPanelColumns) fill(row + count, kPanelColumns - count, 0.0F);
  }
  fill(panel + block.depths * kPanelColumns, (block.padded_depths - block.depths) * kPanelColumns, 0.0F);
}

// Rows [row, row + count) of A as [count][padded_depths].
template <typename T>
void copy_rows(const GemmMatrix<T>& a, const GemmBlock& block, int64_t row, int64_t count, float* copy) {
  const int64_t stride = block.padded_depths;
  if (a.transposed) {
    transpose(a.data + block.depth * a.stride + row, a.stride, block.depths, count, copy, stride);
  } else {
    for (int64_t i = 0; i < count; ++i) {
      scale_row(a.data + (row + i) * a.stride + block.depth, block.depths, 1.0F, copy + i * stride);
    }
  }
  for (int64_t i = 0; i < count; ++i) fill(copy + i * stride + block.depths, stride - block.depths, 0.0F);
}

#if defined(__AVX512BF16__)

inline float* units(c10::BFloat16* x) { return reinterpret_cast<float*>(x); }
inline const float* units(const c10::BFloat16* x) { return reinterpret_cast<const float*>(x); }

inline __m256i load_sixteen(const c10::BFloat16* from, int64_t count) {
  const auto mask = static_cast<__mmask16>((1U << static_cast<unsigned>(smaller(count, kTile))) - 1U);
  return _mm256_maskz_loadu_epi16(mask, from);
}

// Units of up to 16 columns from two depths; a depth that is not there is null.
inline void store_units(const c10::BFloat16* even, const c10::BFloat16* odd, int64_t count, float* to) {
  const __m256i none = _mm256_setzero_si256();
  const __m512i low = _mm512_cvtepu16_epi32(even == nullptr ? none : load_sixteen(even, count));
  const __m512i high = _mm512_cvtepu16_epi32(odd == nullptr ? none : load_sixteen(odd, count));
  _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

// Row k of a matrix whose rows are depths, null past the block's last.
inline const c10::BFloat16* depth_row(const GemmMatrix<c10::BFloat16>& x, const GemmBlock& block, int64_t k,
                                      int64_t column) {
  return k < block.depths ? x.data + (block.depth + k) * x.stride + column : nullptr;
}

inline void pack_panel(const GemmMatrix<c10::BFloat16>& b, const GemmBlock& block, int64_t column, int64_t count,
                       c10::BFloat16* panel) {
  const int64_t first = block.column + column;
  const int64_t padded_units = block.padded_depths / 2;
  if (!b.transposed) {
    for (int64_t k = 0; k < padded_units; ++k) {
      for (int64_t n = 0; n < kPanelColumns; n += kTile) {
        const bool empty = n >= count;
        store_units(empty ? nullptr : depth_row(b, block, 2 * k, first + n),
                    empty ? nullptr : depth_row(b, block, 2 * k + 1, first + n), count - n,
                    units(panel) + k * kPanelColumns + n);
      }
    }
    return;
  }
  const c10::BFloat16* rows = b.data + first * b.stride + block.depth;
  const int64_t whole_units = b.stride % 2 == 0 ? block.depths / 2 : 0;
  if (count < kPanelColumns) fill(units(panel), padded_units * kPanelColumns, 0.0F);
  if (whole_units > 0) transpose(units(rows), b.stride / 2, count, whole_units, units(panel), kPanelColumns);
  for (int64_t k = whole_units; k < padded_units; ++k) {
    for (int64_t n = 0; n < count; ++n) {
      c10::BFloat16* unit = panel + (k * kPanelColumns + n) * 2;
      unit[0] = 2 * k < block.depths ? rows[n * b.stride + 2 * k] : c10::BFloat16(0.0F);
      unit[1] = 2 * k + 1 < block.depths ? rows[n * b.stride + 2 * k + 1] : c10::BFloat16(0.0F);
    }
  }
}

inline void copy_rows(const GemmMatrix<c10::BFloat16>& a, const GemmBlock& block, int64_t row, int64_t count,
                      c10::BFloat16* copy) {
  const int64_t stride = block.padded_depths;
  if (!a.transposed) {
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(copy + i * stride, a.data + (row + i) * a.stride + block.depth,
                  static_cast<size_t>(block.depths) * sizeof(c10::BFloat16));
      std::fill_n(copy + i * stride + block.depths, stride - block.depths, c10::BFloat16(0.0F));
    }
    return;
  }
  // Units of 16 rows and 32 depths, then turned.
  alignas(64) float tile[kTile * kTile];
  for (int64_t k = 0; k < stride; k += 2 * kTile) {
    const int64_t num_units = smaller(kTile, (stride - k) / 2);
    for (int64_t i = 0; i < count; i += kTile) {
      for (int64_t u = 0; u < num_units; ++u) {
        store_units(depth_row(a, block, k + 2 * u, row + i), depth_row(a, block, k + 2 * u + 1, row + i), count - i,
                    tile + u * kTile);
      }
      transpose(tile, kTile, num_units, smaller(kTile, count - i), units(copy + i * stride + k), stride / 2);
    }
  }
}

#endif

}  // namespace
}  // namespace mmpo
