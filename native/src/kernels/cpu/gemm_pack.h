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

// Rows and columns of what is turned in registers.
constexpr int64_t kSquare = kLanes;

#if defined(CPU_CAPABILITY_AVX512)
// 16 by 16, in registers: pairs of rows, pairs of pairs, then the 128-bit lanes of four such.
template <typename T>
void transpose_square(const T* from, int64_t from_stride, float* to, int64_t to_stride) {
  __m512 rows[kTile], pairs[kTile];
#pragma GCC unroll 16
  for (int i = 0; i < kTile; ++i) rows[i] = load(from + i * from_stride, Whole{});
#pragma GCC unroll 8
  for (int i = 0; i < kTile; i += 2) {
    pairs[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kTile; i += 4) {
    const auto low = [&](int a, int b) {
      return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(pairs[a]), _mm512_castps_pd(pairs[b])));
    };
    const auto high = [&](int a, int b) {
      return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(pairs[a]), _mm512_castps_pd(pairs[b])));
    };
    rows[i] = low(i, i + 2);
    rows[i + 1] = high(i, i + 2);
    rows[i + 2] = low(i + 1, i + 3);
    rows[i + 3] = high(i + 1, i + 3);
  }
  // Lane l of rows[4 i + j] is column 4 l + j of rows 4 i to 4 i + 3.
  constexpr int kEven = 0x88, kOdd = 0xdd;
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __m512 even_upper = _mm512_shuffle_f32x4(rows[j], rows[4 + j], kEven);
    const __m512 even_lower = _mm512_shuffle_f32x4(rows[8 + j], rows[12 + j], kEven);
    const __m512 odd_upper = _mm512_shuffle_f32x4(rows[j], rows[4 + j], kOdd);
    const __m512 odd_lower = _mm512_shuffle_f32x4(rows[8 + j], rows[12 + j], kOdd);
    _mm512_storeu_ps(to + j * to_stride, _mm512_shuffle_f32x4(even_upper, even_lower, kEven));
    _mm512_storeu_ps(to + (4 + j) * to_stride, _mm512_shuffle_f32x4(odd_upper, odd_lower, kEven));
    _mm512_storeu_ps(to + (8 + j) * to_stride, _mm512_shuffle_f32x4(even_upper, even_lower, kOdd));
    _mm512_storeu_ps(to + (12 + j) * to_stride, _mm512_shuffle_f32x4(odd_upper, odd_lower, kOdd));
  }
}
#else
// 8 by 8, in registers: pairs of rows, pairs of pairs, then the 128-bit lanes of two such.
template <typename T>
void transpose_square(const T* from, int64_t from_stride, float* to, int64_t to_stride) {
  __m256 rows[kSquare], pairs[kSquare];
#pragma GCC unroll 8
  for (int i = 0; i < kSquare; ++i) rows[i] = load(from + i * from_stride, Whole{});
#pragma GCC unroll 4
  for (int i = 0; i < kSquare; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
  }
  constexpr int kLow = 0x44, kHigh = 0xee;
#pragma GCC unroll 2
  for (int i = 0; i < kSquare; i += 4) {
    rows[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], kLow);
    rows[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], kHigh);
    rows[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], kLow);
    rows[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], kHigh);
  }
  // Lane l of rows[4 i + j] is column 4 l + j of rows 4 i to 4 i + 3.
  constexpr int kFirstLanes = 0x20, kSecondLanes = 0x31;
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    _mm256_storeu_ps(to + j * to_stride, _mm256_permute2f128_ps(rows[j], rows[4 + j], kFirstLanes));
    _mm256_storeu_ps(to + (4 + j) * to_stride, _mm256_permute2f128_ps(rows[j], rows[4 + j], kSecondLanes));
  }
}
#endif

// The ends of a matrix, which fill no square.
template <typename T>
void transpose_rest(const T* from, int64_t from_stride, int64_t rows, int64_t columns, float* to, int64_t to_stride) {
#if defined(CPU_CAPABILITY_AVX512)
  if constexpr (std::is_same_v<T, float>) {
    at::vec::transpose_mxn<float>(from, from_stride, to, to_stride, static_cast<int>(rows), static_cast<int>(columns));
    return;
  }
#endif
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * to_stride + i] = static_cast<float>(from[i * from_stride + j]);
  }
}

template <typename T>
void transpose(const T* from, int64_t from_stride, int64_t rows, int64_t columns, float* to, int64_t to_stride) {
  for (int64_t i = 0; i < rows; i += kSquare) {
    for (int64_t j = 0; j < columns; j += kSquare) {
      const int64_t num_rows = smaller(kSquare, rows - i);
      const int64_t num_columns = smaller(kSquare, columns - j);
      const T* square = from + i * from_stride + j;
      float* turned = to + j * to_stride + i;
      if (num_rows == kSquare && num_columns == kSquare) {
        transpose_square(square, from_stride, turned, to_stride);
      } else {
        transpose_rest(square, from_stride, num_rows, num_columns, turned, to_stride);
      }
    }
  }
}

struct PackShape {
  int64_t depths;
  int64_t padded_depths;  // zeros past the last depth
  int64_t count;  // rows of A or columns of B
};

// b: its first `count` columns, as one panel of `width` columns, zero past the last.
template <typename T>
void pack_panel(const GemmMatrix<T>& b, const PackShape& shape, int64_t width, float* panel) {
  if (b.transposed) transpose(b.data, b.stride, shape.count, shape.depths, panel, width);
  for (int64_t k = 0; k < shape.depths; ++k) {
    float* row = panel + k * width;
    if (!b.transposed) scale_row(b.data + k * b.stride, shape.count, 1.0F, row);
    if (shape.count < width) fill(row + shape.count, width - shape.count, 0.0F);
  }
  fill(panel + shape.depths * width, (shape.padded_depths - shape.depths) * width, 0.0F);
}

// a: its first `count` rows, as [count][padded_depths].
template <typename T>
void copy_rows(const GemmMatrix<T>& a, const PackShape& shape, float* copy) {
  const int64_t stride = shape.padded_depths;
  if (a.transposed) transpose(a.data, a.stride, shape.depths, shape.count, copy, stride);
  for (int64_t i = 0; i < shape.count; ++i) {
    if (!a.transposed) scale_row(a.data + i * a.stride, shape.depths, 1.0F, copy + i * stride);
    fill(copy + i * stride + shape.depths, stride - shape.depths, 0.0F);
  }
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

// Units of depths 2 unit and 2 unit + 1 of a matrix whose rows are depths, for up to 16 columns from the given one.
inline void store_units_of(const GemmMatrix<c10::BFloat16>& x, const PackShape& shape, int64_t unit, int64_t column,
                           float* to) {
  const c10::BFloat16* even = x.data + 2 * unit * x.stride + column;
  const int64_t count = shape.count - column;
  store_units(2 * unit < shape.depths && count > 0 ? even : nullptr,
              2 * unit + 1 < shape.depths && count > 0 ? even + x.stride : nullptr, count, to);
}

inline void pack_panel(const GemmMatrix<c10::BFloat16>& b, const PackShape& shape, int64_t width,
                       c10::BFloat16* panel) {
  const int64_t num_units = shape.padded_depths / 2;
  if (!b.transposed && width % kTile == 0) {
    for (int64_t k = 0; k < num_units; ++k) {
      for (int64_t n = 0; n < width; n += kTile) store_units_of(b, shape, k, n, units(panel) + k * width + n);
    }
    return;
  }
  const int64_t whole_units = b.transposed && b.stride % 2 == 0 ? shape.depths / 2 : 0;
  if (shape.count < width) fill(units(panel), num_units * width, 0.0F);
  if (whole_units > 0) transpose(units(b.data), b.stride / 2, shape.count, whole_units, units(panel), width);
  const auto element = [&](int64_t k, int64_t n) {
    if (k >= shape.depths) return c10::BFloat16(0.0F);
    return b.transposed ? b.data[n * b.stride + k] : b.data[k * b.stride + n];
  };
  for (int64_t k = whole_units; k < num_units; ++k) {
    for (int64_t n = 0; n < shape.count; ++n) {
      panel[(k * width + n) * 2] = element(2 * k, n);
      panel[(k * width + n) * 2 + 1] = element(2 * k + 1, n);
    }
  }
}

inline void copy_rows(const GemmMatrix<c10::BFloat16>& a, const PackShape& shape, c10::BFloat16* copy) {
  const int64_t stride = shape.padded_depths;
  if (!a.transposed) {
    for (int64_t i = 0; i < shape.count; ++i) {
      std::memcpy(copy + i * stride, a.data + i * a.stride, static_cast<size_t>(shape.depths) * sizeof(c10::BFloat16));
      std::fill_n(copy + i * stride + shape.depths, stride - shape.depths, c10::BFloat16(0.0F));
    }
    return;
  }
  // Units of 16 rows and 32 depths, then turned.
  alignas(64) float tile[kTile * kTile];
  for (int64_t k = 0; k < stride; k += 2 * kTile) {
    for (int64_t d = k + 2 * kTile; d < smaller(shape.depths, k + 4 * kTile); ++d) {
      for (int64_t i = 0; i < shape.count; i += 32) __builtin_prefetch(a.data + d * a.stride + i);
    }
    const int64_t num_units = smaller(kTile, (stride - k) / 2);
    for (int64_t i = 0; i < shape.count; i += kTile) {
      for (int64_t u = 0; u < num_units; ++u) store_units_of(a, shape, k / 2 + u, i, tile + u * kTile);
      transpose(tile, kTile, num_units, smaller(kTile, shape.count - i), units(copy + i * stride + k), stride / 2);
    }
  }
}

#endif

}  // namespace
}  // namespace mmpo
