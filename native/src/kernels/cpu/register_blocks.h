// Small products whose sums stay in registers: up to 24 vectors of 16 float32 sums with AVX-512, 12 of 8 with AVX2. A step adds a row of
// the panel (gemm_pack.h) times an element, or a unit of two, of each row of A. Every sum is made of its terms one after the other, so
// that its bits depend on neither the number of rows nor that of columns. In an unnamed namespace.
#pragma once

#include <ATen/ceil_div.h>

#include <array>
#include <type_traits>
#include <utility>

#include "kernels/cpu/gemm_kernels.h"
#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

constexpr int64_t kVectorColumns = kLanes;  // float32 columns of a vector
// Of sums; the other registers hold the panel's row and a unit of A. And vectors of a row that go through the registers together.
#if defined(CPU_CAPABILITY_AVX512)
constexpr int64_t kSumRegisters = 24;  // of 32
constexpr int kMostVectors = 4;
#else
constexpr int64_t kSumRegisters = 12;  // of 16
constexpr int kMostVectors = 2;
#endif

// kAddsLast: products are summed before they are added to what is there; else the sum begins with it.
struct FloatProducts {
  using Element = float;
  using Operand = Vec;
  static constexpr int64_t kStepDepths = 1;
  static constexpr bool kAddsLast = false;

  static Operand columns(const float* row) { return load(row, Whole{}); }
  static Operand broadcast(const float* element) { return Vec(*element); }
  static Vec add(Vec sums, Operand element, Operand columns) { return at::vec::fmadd(element, columns, sums); }
};
struct FloatProductsAddedLast : FloatProducts {
  static constexpr bool kAddsLast = true;
};

// Memory that will be read soon, asked for a little at a time while something is multiplied.
struct Ahead {
  const char* next;
  int64_t step_bytes;  // a step; at most kMostBytes

  static constexpr int64_t kLine = 64;
  static constexpr int64_t kMostBytes = 2 * kLine;

  // To the second cache: the first one holds the panel.
  void fetch(int64_t step) const {
    __builtin_prefetch(next + step * step_bytes, 0, 2);
    __builtin_prefetch(next + step * step_bytes + kLine, 0, 2);
  }
};
struct NothingAhead {
  void fetch(int64_t) const {}
};

// c = (add ? c : 0) + a panel, of kRows rows and kVectors vectors of columns. Strides: elements of a, columns of the panel, elements
// of c.
template <typename Arithmetic, typename Next, int kRows, int kVectors>
[[gnu::noinline]] inline void multiply_block(int64_t steps, const typename Arithmetic::Element* a, int64_t a_stride,
                                             bool add, const typename Arithmetic::Element* panel, int64_t panel_stride,
                                             float* c, int64_t c_stride, Next ahead) {
  constexpr int64_t kStep = Arithmetic::kStepDepths;
  Vec sums[kRows][kVectors];
#pragma GCC unroll 32
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      sums[i][j] = add && !Arithmetic::kAddsLast ? load(c + i * c_stride + j * kVectorColumns, Whole{}) : Vec(0.0F);
    }
  }
  for (int64_t k = 0; k < steps; ++k) {
    ahead.fetch(k);
    typename Arithmetic::Operand columns[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) columns[j] = Arithmetic::columns(panel + kStep * j * kVectorColumns);
#pragma GCC unroll 32
    for (int i = 0; i < kRows; ++i) {
      const typename Arithmetic::Operand unit = Arithmetic::broadcast(a + i * a_stride + k * kStep);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sums[i][j] = Arithmetic::add(sums[i][j], unit, columns[j]);
    }
    panel += kStep * panel_stride;
  }
#pragma GCC unroll 32
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      float* const to = c + i * c_stride + j * kVectorColumns;
      store(to, add && Arithmetic::kAddsLast ? load(to, Whole{}) + sums[i][j] : sums[i][j], Whole{});
    }
  }
}

template <typename Element, typename Next>
using MultiplyBlock = void (*)(int64_t, const Element*, int64_t, bool, const Element*, int64_t, float*, int64_t, Next);

// Blocks of 1, 2 ... rows, as many as the registers hold.
template <typename Arithmetic, typename Next, int kVectors, int... kIndices>
constexpr std::array<MultiplyBlock<typename Arithmetic::Element, Next>, sizeof...(kIndices)> blocks_of(
    std::integer_sequence<int, kIndices...>) {
  return {multiply_block<Arithmetic, Next, kIndices + 1, kVectors>...};
}

// Rows that go through the registers together.
template <int kVectors>
constexpr int64_t kMostRows = kSumRegisters / kVectors;

// c [rows, kVectors * kVectorColumns] = (add ? c : 0) + a [rows, depths] panel.
template <typename Arithmetic, int kVectors, typename Next = NothingAhead>
inline void multiply_columns(const ProductShape& shape, const typename Arithmetic::Element* a, int64_t a_stride,
                             bool add, const typename Arithmetic::Element* panel, float* c, int64_t c_stride,
                             Next ahead = {}) {
  constexpr auto kRows = static_cast<int>(kMostRows<kVectors>);
  static constexpr auto kBlocks = blocks_of<Arithmetic, Next, kVectors>(std::make_integer_sequence<int, kRows>());
  const int64_t steps = shape.depths / Arithmetic::kStepDepths;
  // Blocks of nearly equal height: a low one would wait for its sums, and read the panel for little.
  const int64_t num_blocks = at::ceil_div(shape.rows, kMostRows<kVectors>);
  for (int64_t block = 0; block < num_blocks; ++block) {
    const int64_t begin = shape.rows * block / num_blocks;
    const int64_t rows = shape.rows * (block + 1) / num_blocks - begin;
    kBlocks[static_cast<size_t>(rows - 1)](steps, a + begin * a_stride, a_stride, add, panel, shape.columns,
                                           c + begin * c_stride, c_stride, ahead);
    if constexpr (std::is_same_v<Next, Ahead>) ahead.next += steps * ahead.step_bytes;
  }
}

// The same for any number of vectors of columns. `ahead` is fetched with the first of them.
template <typename Arithmetic, typename Next = NothingAhead>
inline void multiply_vectors(const ProductShape& shape, const typename Arithmetic::Element* a, int64_t a_stride,
                             bool add, const typename Arithmetic::Element* panel, float* c, int64_t c_stride,
                             const Next& ahead = {}) {
  constexpr int64_t kStep = Arithmetic::kStepDepths;
  int64_t j = 0;
  const auto columns = [&](auto vectors) {
    for (; j + vectors * kVectorColumns <= shape.columns; j += vectors * kVectorColumns) {
      const auto multiply = [&](const auto& next) {
        multiply_columns<Arithmetic, vectors>(shape, a, a_stride, add, panel + kStep * j, c + j, c_stride, next);
      };
      j == 0 ? multiply(ahead) : multiply(NothingAhead{});
    }
  };
  if constexpr (kMostVectors > 2) {
    columns(std::integral_constant<int, 4>());
    columns(std::integral_constant<int, 3>());
  }
  columns(std::integral_constant<int, 2>());
  columns(std::integral_constant<int, 1>());
}

}  // namespace
}  // namespace mmpo
