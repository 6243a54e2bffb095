// Products of bfloat16 on the processor's matrix units (Intel AMX, Software Developer's Manual vol. 1, ch. 18). In an unnamed
// namespace; empty where the build is for a processor without them.
//
// A tile register holds 16 rows of 64 bytes. A block of C is two by two tiles of sums; a step adds the products of 32 depths: two
// tiles of A's rows, and two of a panel, whose rows are units of two depths (gemm_pack.h).
#pragma once

#if defined(__AMX_BF16__)

#include <immintrin.h>

#include <type_traits>

#include "kernels/cpu/gemm_kernels.h"

namespace mmpo {
namespace {

constexpr int64_t kTileSide = 16;  // rows of a tile, and float32 columns of one of sums
constexpr int64_t kStepDepths = 32;

struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileShapes kWholeTiles{};

// The tile registers belong to the thread, and what they hold is saved with it until it lets go of them.
struct MatrixUnits {
  MatrixUnits() { _tile_loadconfig(&kWholeTiles); }
  ~MatrixUnits() { _tile_release(); }
  MatrixUnits(const MatrixUnits&) = delete;
  MatrixUnits& operator=(const MatrixUnits&) = delete;
};

// c = (add ? c : 0) + a panel, of one or two tiles by one or two. Sums are in registers 0 to 3, rows of A in 4 and 5, the panel in
// 6 and 7. Strides: elements of a, columns of the panel, elements of c.
template <bool kTwoRows, bool kTwoColumns>
[[gnu::always_inline]] inline void multiply_block(int64_t steps, const c10::BFloat16* a, int64_t a_stride, bool add,
                                                  const c10::BFloat16* panel, int64_t panel_stride, float* c,
                                                  int64_t c_stride) {
  constexpr auto kFloat = static_cast<int64_t>(sizeof(float));
  const int64_t a_bytes = a_stride * static_cast<int64_t>(sizeof(c10::BFloat16));
  const int64_t panel_bytes = panel_stride * kFloat;
  const int64_t c_bytes = c_stride * kFloat;
  const c10::BFloat16* const lower_a = a + kTileSide * a_stride;
  float* const lower_c = c + kTileSide * c_stride;
  if (add) {
    _tile_loadd(0, c, c_bytes);
    if constexpr (kTwoColumns) _tile_loadd(1, c + kTileSide, c_bytes);
    if constexpr (kTwoRows) _tile_loadd(2, lower_c, c_bytes);
    if constexpr (kTwoRows && kTwoColumns) _tile_loadd(3, lower_c + kTileSide, c_bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t k = 0; k < steps; ++k) {
    _tile_loadd(4, a + kStepDepths * k, a_bytes);
    _tile_loadd(6, panel, panel_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kTwoColumns) {
      _tile_loadd(7, panel + 2 * kTileSide, panel_bytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kTwoRows) {
      _tile_loadd(5, lower_a + kStepDepths * k, a_bytes);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (kTwoColumns) _tile_dpbf16ps(3, 5, 7);
    }
    panel += kStepDepths * panel_stride;
  }
  _tile_stored(0, c, c_bytes);
  if constexpr (kTwoColumns) _tile_stored(1, c + kTileSide, c_bytes);
  if constexpr (kTwoRows) _tile_stored(2, lower_c, c_bytes);
  if constexpr (kTwoRows && kTwoColumns) _tile_stored(3, lower_c + kTileSide, c_bytes);
}

// c [rows, columns] = (add ? c : 0) + a [rows, depths] panel [depths / 2, columns, 2]. rows, columns: multiples of kTileSide;
// depths: of kStepDepths.
[[gnu::noinline]] inline void multiply_whole_tiles(const ProductShape& shape, const c10::BFloat16* a, int64_t a_stride,
                                                   bool add, const c10::BFloat16* panel, float* c, int64_t c_stride) {
  const auto [rows, columns, depths] = shape;
  const int64_t steps = depths / kStepDepths;
  const auto block = [&](auto two_rows, auto two_columns, int64_t i, int64_t j) __attribute__((always_inline)) {
    multiply_block<two_rows, two_columns>(steps, a + i * a_stride, a_stride, add, panel + 2 * j, shape.columns,
                                          c + i * c_stride + j, c_stride);
  };
  int64_t j = 0;
  for (; j + kTileSide < columns; j += 2 * kTileSide) {
    int64_t i = 0;
    for (; i + kTileSide < rows; i += 2 * kTileSide) block(std::true_type{}, std::true_type{}, i, j);
    if (i < rows) block(std::false_type{}, std::true_type{}, i, j);
  }
  if (j < columns) {
    for (int64_t i = 0; i < rows; i += kTileSide) block(std::false_type{}, std::false_type{}, i, j);
  }
}

}  // namespace
}  // namespace mmpo

#endif
