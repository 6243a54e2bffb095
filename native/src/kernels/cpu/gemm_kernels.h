// The parts of a blocked matrix product on raw memory, compiled once for each CPU capability; see cpu_kernels.h.
#pragma once

#include <cstdint>

#include "kernels/cpu/cpu_kernels.h"

namespace mmpo {

// Element (row, column) is data[row * stride + column], or data[column * stride + row] where transposed.
template <typename T>
struct GemmMatrix {
  const T* data;
  int64_t stride;
  bool transposed;
};

// A block of the product: all rows, columns [column, column + columns) of C, terms [depth, depth + depths) of the sum.
// Packed, its depths are padded with zeros to padded_depths; where A is read in place the two are equal.
struct GemmBlock {
  int64_t rows;
  int64_t column, columns;
  int64_t depth, depths, padded_depths;
  int64_t tile_rows;  // of C that one call of the micro-kernel makes; at most kMaxTileRows
  int64_t task_tiles;  // so many tiles of A's rows stay in a core's cache while the panels pass by
};

// What the micro-kernel multiplies: float32, or bfloat16 where the processor has units for it.
template <typename T, typename Capability>
struct PackedElement {
  using type = float;
};
template <>
struct PackedElement<c10::BFloat16, AMX> {
  using type = c10::BFloat16;
};
template <typename T, typename Capability>
using Packed = typename PackedElement<T, Capability>::type;

// Rows of a product are rounded up to this, so that few micro-kernels are ever made: micro-batches differ in length, and
// each shape is compiled and kept by oneDNN.
inline constexpr int64_t kRowMultiple = 16;
// Columns of a packed panel of B, and most rows of the part of C that one call of the micro-kernel makes.
inline constexpr int64_t kPanelColumns = 64;
inline constexpr int64_t kMaxTileRows = 128;

template <typename T, typename Out, typename Capability>
struct CpuGemm {
  // Panels [columns / 64 rounded up][padded_depths][64] of the block, zero past the last column; in bfloat16 two depths
  // lie side by side: [padded_depths / 2][64][2].
  static void pack(const GemmMatrix<T>& b, const GemmBlock& block, Packed<T, Capability>* panels);
  // c = (add ? c : 0) + a * panels over the block.
  static void multiply(const GemmMatrix<T>& a, const Packed<T, Capability>* panels, const GemmBlock& block, bool add,
                       Out* c, int64_t c_stride);
  // c = (add ? c : 0) + a b^T for a few rows of a, without packing: every row of b is read once, for all of them.
  static void dot(Rows<const T> a, Rows<const T> b, bool add, Out* c, int64_t c_stride);
};

}  // namespace mmpo
