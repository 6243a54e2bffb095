// Small products whose sums stay in registers: up to 24 vectors of 16 float32 sums. A step adds a row of the panel (gemm_pack.h) times
// an element, or a unit of two, of each row of A. Every sum is made of its terms one after the other, so that its bits depend on
// neither the number of rows nor that of columns. In an unnamed namespace; empty without AVX-512.
#pragma once

#if defined(CPU_CAPABILITY_AVX512)

#include <ATen/ceil_div.h>
#include <immintrin.h>

#include <array>
#include <type_traits>
#include <utility>

#include "kernels/cpu/gemm_kernels.h"

namespace mmpo {
namespace {

constexpr int64_t kVectorColumns = 16;  // float32 columns of a vector
constexpr int64_t kSumRegisters = 24;  // of 32: the others hold the panel's row and a unit of A

struct FloatProducts {
  using Element = float;
  using Operand = __m512;
  static constexpr int64_t kStepDepths = 1;

  static Operand columns(const float* row) { return _mm512_loadu_ps(row); }
  static Operand broadcast(const float* element) { return _mm512_set1_ps(*element); }
  static __m512 add(__m512 sum, Operand element, Operand columns) { return _mm512_fmadd_ps(element, columns, sum); }
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
  __m512 sums[kRows][kVectors];
#pragma GCC unroll 32
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      sums[i][j] = add ? _mm512_loadu_ps(c + i * c_stride + j * kVectorColumns) : _mm512_setzero_ps();
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
    for (int j = 0; j < kVectors; ++j) _mm512_storeu_ps(c + i * c_stride + j * kVectorColumns, sums[i][j]);
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

}  // namespace
}  // namespace mmpo

#endif
