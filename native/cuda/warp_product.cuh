// Products of matrices in shared memory, added up in the registers of one warp: bfloat16 on tensor cores, float32 by plain
// multiplications. Sums are float32.
#pragma once

#include "cuda/platform.cuh"

#ifdef __CUDACC__
#include <mma.h>
#else
#include "cuda/emulated_wmma.h"
#endif

namespace mmpo {
namespace {

namespace wmma = nvcuda::wmma;

// Terms that are added at once.
constexpr int kProductDepth = 16;

// Where element (row, column) lies in a matrix whose rows (wmma::row_major) or columns (wmma::col_major) are stride apart.
template <typename Order>
__device__ __forceinline__ int place_of(int row, int column, int stride) {
  return std::is_same_v<Order, wmma::row_major> ? row * stride + column : column * stride + row;
}

// A sum of M x N. The whole warp calls its members.
template <typename T, int M, int N>
class WarpProduct;

template <int M, int N>
class WarpProduct<c10::BFloat16, M, N> {
 public:
  __device__ __forceinline__ WarpProduct() {
#pragma unroll
    for (int i = 0; i < M / kSide; ++i) {
#pragma unroll
      for (int j = 0; j < N / kSide; ++j) wmma::fill_fragment(sums_[i][j], 0.0f);
    }
  }

  // Adds a [M, 16] times b [16, N]. Both begin on boundaries of 32 bytes, and strides are multiples of 8.
  template <typename OrderA, typename OrderB>
  __device__ __forceinline__ void add(const c10::BFloat16* a, int stride_a, const c10::BFloat16* b, int stride_b) {
    wmma::fragment<wmma::matrix_a, kSide, kSide, kProductDepth, __nv_bfloat16, OrderA> left[M / kSide];
#pragma unroll
    for (int i = 0; i < M / kSide; ++i) {
      wmma::load_matrix_sync(left[i], native(a + place_of<OrderA>(i * kSide, 0, stride_a)), stride_a);
    }
#pragma unroll
    for (int j = 0; j < N / kSide; ++j) {
      wmma::fragment<wmma::matrix_b, kSide, kSide, kProductDepth, __nv_bfloat16, OrderB> right;
      wmma::load_matrix_sync(right, native(b + place_of<OrderB>(0, j * kSide, stride_b)), stride_b);
#pragma unroll
      for (int i = 0; i < M / kSide; ++i) wmma::mma_sync(sums_[i][j], left[i], right, sums_[i][j]);
    }
  }

  // Rows of the result, stride apart.
  __device__ __forceinline__ void store(float* to, int64_t stride) const {
#pragma unroll
    for (int i = 0; i < M / kSide; ++i) {
#pragma unroll
      for (int j = 0; j < N / kSide; ++j) {
        wmma::store_matrix_sync(to + i * kSide * stride + j * kSide, sums_[i][j], static_cast<unsigned>(stride),
                                wmma::mem_row_major);
      }
    }
  }

 private:
  static constexpr int kSide = 16;

  __device__ __forceinline__ static const __nv_bfloat16* native(const c10::BFloat16* values) {
    return reinterpret_cast<const __nv_bfloat16*>(values);
  }

  wmma::fragment<wmma::accumulator, kSide, kSide, kProductDepth, float> sums_[M / kSide][N / kSide];
};

// Lane (row, column) of 4 x 8 has every fourth row and every eighth column of the sum.
template <int M, int N>
class WarpProduct<float, M, N> {
 public:
  template <typename OrderA, typename OrderB>
  __device__ __forceinline__ void add(const float* a, int stride_a, const float* b, int stride_b) {
#pragma unroll
    for (int k = 0; k < kProductDepth; ++k) {
      float left[M / kRows];
      float right[N / kColumns];
#pragma unroll
      for (int i = 0; i < M / kRows; ++i) left[i] = a[place_of<OrderA>(i * kRows + row(), k, stride_a)];
#pragma unroll
      for (int j = 0; j < N / kColumns; ++j) right[j] = b[place_of<OrderB>(k, j * kColumns + column(), stride_b)];
#pragma unroll
      for (int i = 0; i < M / kRows; ++i) {
#pragma unroll
        for (int j = 0; j < N / kColumns; ++j) sums_[i][j] += left[i] * right[j];
      }
    }
  }

  __device__ __forceinline__ void store(float* to, int64_t stride) const {
#pragma unroll
    for (int i = 0; i < M / kRows; ++i) {
#pragma unroll
      for (int j = 0; j < N / kColumns; ++j) {
        to[(i * kRows + row()) * stride + j * kColumns + column()] = sums_[i][j];
      }
    }
  }

 private:
  static constexpr int kRows = 4, kColumns = 8;

  __device__ __forceinline__ static int row() { return static_cast<int>(threadIdx.x) % kWarp / kColumns; }
  __device__ __forceinline__ static int column() { return static_cast<int>(threadIdx.x) % kColumns; }

  float sums_[M / kRows][N / kColumns] = {};
};

}  // namespace
}  // namespace mmpo
