// Products of bfloat16 by the vector instruction that adds two of them to a float32 sum (AVX512_BF16's VDPBF16PS: Intel's since
// Cooper Lake, AMD's since Zen 4). In an unnamed namespace; empty where the build is for a processor without it, or for one with
// matrix units, which are faster.
//
// A block of C stays in registers: up to 24 vectors of 16 sums. A step adds two depths, a row of units of the panel
// (gemm_pack.h), times a unit of each row of A.
#pragma once

#if defined(__AVX512BF16__) && !defined(__AMX_BF16__)

#include <ATen/ceil_div.h>
#include <immintrin.h>

#include <array>
#include <cstring>
#include <utility>

#include "kernels/cpu/gemm_kernels.h"

namespace mmpo {
namespace {

constexpr int64_t kTileSide = 16;  // float32 columns of a vector
constexpr int64_t kStepDepths = 2;
constexpr int64_t kSumRegisters = 24;  // of 32: the others hold the panel's row and a unit of A

inline __m512bh broadcast_unit(const c10::BFloat16* unit) {
  int32_t bits = 0;
  std::memcpy(&bits, unit, sizeof(bits));
  return reinterpret_cast<__m512bh>(_mm512_set1_epi32(bits));
}

// c = (add ? c : 0) + a panel, of kRows rows and kVectors vectors of columns. Strides: elements of a, columns of the panel, elements
// of c.
template <int kRows, int kVectors>
[[gnu::noinline]] inline void multiply_block(int64_t steps, const c10::BFloat16* a, int64_t a_stride, bool add,
                                             const c10::BFloat16* panel, int64_t panel_stride, float* c,
                                             int64_t c_stride) {
  __m512 sums[kRows][kVectors];
#pragma GCC unroll 32
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      sums[i][j] = add ? _mm512_loadu_ps(c + i * c_stride + j * kTileSide) : _mm512_setzero_ps();
    }
  }
  for (int64_t k = 0; k < steps; ++k) {
    __m512bh columns[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j)
      columns[j] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel + 2 * j * kTileSide));
#pragma GCC unroll 32
    for (int i = 0; i < kRows; ++i) {
      const __m512bh unit = broadcast_unit(a + i * a_stride + k * kStepDepths);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sums[i][j] = _mm512_dpbf16_ps(sums[i][j], unit, columns[j]);
    }
    panel += kStepDepths * panel_stride;
  }
#pragma GCC unroll 32
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) _mm512_storeu_ps(c + i * c_stride + j * kTileSide, sums[i][j]);
  }
}

using MultiplyBlock = void (*)(int64_t, const c10::BFloat16*, int64_t, bool, const c10::BFloat16*, int64_t, float*,
                               int64_t);

// Blocks of 1, 2 ... rows, as many as the registers hold.
template <int kVectors, int... kIndices>
constexpr std::array<MultiplyBlock, sizeof...(kIndices)> blocks_of(std::integer_sequence<int, kIndices...>) {
  return {multiply_block<kIndices + 1, kVectors>...};
}

template <int kVectors>
inline void multiply_columns(const ProductShape& shape, const c10::BFloat16* a, int64_t a_stride, bool add,
                             const c10::BFloat16* panel, float* c, int64_t c_stride) {
  constexpr int64_t kMostRows = kSumRegisters / kVectors;
  static constexpr auto kBlocks = blocks_of<kVectors>(std::make_integer_sequence<int, int{kMostRows}>());
  // Blocks of nearly equal height: a low one would wait for its sums, and read the panel for little.
  const int64_t num_blocks = at::ceil_div(shape.rows, kMostRows);
  for (int64_t block = 0; block < num_blocks; ++block) {
    const int64_t begin = shape.rows * block / num_blocks;
    const int64_t rows = shape.rows * (block + 1) / num_blocks - begin;
    kBlocks[static_cast<size_t>(rows - 1)](shape.depths / kStepDepths, a + begin * a_stride, a_stride, add, panel,
                                           shape.columns, c + begin * c_stride, c_stride);
  }
}

// c [rows, columns] = (add ? c : 0) + a [rows, depths] panel [depths / 2, columns, 2]. columns: a multiple of kTileSide, depths: of
// kStepDepths.
inline void multiply_whole_tiles(const ProductShape& shape, const c10::BFloat16* a, int64_t a_stride, bool add,
                                 const c10::BFloat16* panel, float* c, int64_t c_stride) {
  int64_t j = 0;
  const auto columns = [&](auto vectors) {
    for (; j + vectors * kTileSide <= shape.columns; j += vectors * kTileSide)
      multiply_columns<vectors>(shape, a, a_stride, add, panel + 2 * j, c + j, c_stride);
  };
  columns(std::integral_constant<int, 4>());
  columns(std::integral_constant<int, 2>());
  columns(std::integral_constant<int, 1>());
}

}  // namespace
}  // namespace mmpo

#endif
