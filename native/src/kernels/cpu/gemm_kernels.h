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

// Where a product goes, and what it is added to: nothing (null), C itself, or another matrix.
template <typename Out>
struct GemmResult {
  Out* data;
  int64_t stride;
  const Out* addend;
  int64_t addend_stride;

  // The matrix from an element on.
  GemmResult part(int64_t row, int64_t column) const {
    return {data + row * stride + column, stride, addend == nullptr ? nullptr : addend + row * addend_stride + column,
            addend_stride};
  }
  // What is in C stays, and is added to.
  GemmResult grown() const { return {data, stride, data, stride}; }
};

// How a product is shared out and blocked. C is cut into row_parts x column_parts rectangles of part_rows x part_columns (the
// last ones may be smaller), each the work of one thread, which packs what it reads: a panel that another core has just
// written costs more than to pack it again.
struct GemmPlan {
  int64_t rows, columns, depth;
  int64_t row_parts, column_parts;
  int64_t part_rows, part_columns;  // multiples of kPartRowMultiple and kPartColumnMultiple
  int64_t block_depth;  // terms of the sum that are added in one go
  int64_t depth_multiple;  // a block is padded with zeros to it
  bool a_in_place;  // the micro-kernel reads A where it is: depth_multiple divides every block
};

// What the micro-kernel multiplies: float32, or bfloat16 where the processor has instructions for it.
template <typename T, typename Capability>
struct PackedElement {
  using type = float;
};
template <>
struct PackedElement<c10::BFloat16, AVX512_BF16> {
  using type = c10::BFloat16;
};
template <>
struct PackedElement<c10::BFloat16, AMX> {
  using type = c10::BFloat16;
};
template <typename T, typename Capability>
using Packed = typename PackedElement<T, Capability>::type;

// Rows and columns of a part of C that a thread makes are multiples of these.
inline constexpr int64_t kPartRowMultiple = 16;
inline constexpr int64_t kPartColumnMultiple = 32;

// Up to this many rows (cached decoding) a product waits for the memory of B, more than for the products.
inline constexpr int64_t kFewRows = 64;

// What suits the micro-kernel that multiplies P.
template <typename P, typename Capability>
struct MicroKernelShape {
  static constexpr bool kOnMatrixUnits = std::is_same_v<Capability, AMX> && !std::is_same_v<P, float>;
  // Rows of the part of C that one call makes.
  static constexpr int64_t kTileRows = kOnMatrixUnits ? 32 : 48;
  // Rows are rounded up to what a tile of the matrix units holds; registers take as many as there are.
  static constexpr int64_t kRowMultiple = kOnMatrixUnits ? 16 : 1;
  // Columns of a packed panel of B (the last of a part may be half as wide): those that go through the registers together where each
  // reads the whole panel from the nearest cache, in which rows of a wide one would push each other out.
  static constexpr int64_t kPanelColumns = std::is_same_v<Capability, AVX2> ? 16 : 64;
  // Depths are rounded up to this with zeros: a step of the matrix units, or of a dot product.
  static constexpr int64_t kDepthMultiple = std::is_same_v<P, float> ? 1 : kOnMatrixUnits ? 32 : 2;
};

// One call of it.
struct ProductShape {
  int64_t rows;  // a multiple of kRowMultiple
  int64_t columns;  // of the packed panel
  int64_t depths;  // even in bfloat16
};

// A and B: one type, or an A of float32 and a B of bfloat16, which becomes float32 while it is packed.
template <typename A, typename B, typename Out, typename Capability>
struct CpuGemm {
  // c = addend + a b.
  static void multiply(const GemmMatrix<A>& a, const GemmMatrix<B>& b, const GemmPlan& plan, const GemmResult<Out>& c);
  // The same, to the bit, for up to kFewRows rows of an a that is not transposed and a b that is: memory of b is read once, in its
  // order, and nothing of it is kept.
  static void multiply_few_rows(const GemmMatrix<A>& a, const GemmMatrix<B>& b, const GemmPlan& plan,
                                const GemmResult<Out>& c);
};

}  // namespace mmpo
