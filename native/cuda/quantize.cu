// Rows rounded to e4m3 with a scale each, and matrices of bytes turned. Legend: ../src/kernels/quantized.h.
#ifdef __CUDACC__
#include <cuda_fp8.h>
#else
#include <c10/util/Float8_e4m3fn.h>
#endif

#include <cfloat>

#include "cuda/pack.cuh"
#include "cuda/reduce.cuh"

namespace mmpo {
namespace {

constexpr int kThreads = 256;
constexpr int kElements = kWidth<c10::BFloat16>;

// Both rounded to the nearest e4m3, ties to even: the first in the lower byte. Neither is beyond 448 by more than its own rounding.
__device__ __forceinline__ uint32_t round_to_e4m3(float first, float second) {
#ifdef __CUDACC__
  return __nv_cvt_float2_to_fp8x2(make_float2(first, second), __NV_SATFINITE, __NV_E4M3);
#else
  return c10::Float8_e4m3fn(first).x | static_cast<uint32_t>(c10::Float8_e4m3fn(second).x) << 8;
#endif
}

// The elements of a row from column on, each times its column's factor.
__device__ __forceinline__ Floats<kElements> load_scaled(const c10::BFloat16* row, const float* factors, int64_t column,
                                                         int64_t left, bool aligned) {
  Floats<kElements> x = load_floats<kElements>(row + column, left, aligned);
  if (factors != nullptr) {
#pragma unroll
    for (int i = 0; i < kElements; ++i) x.at[i] = i < left ? __fmul_rn(x.at[i], factors[column + i]) : 0.0f;
  }
  return x;
}

// A block for a row, which it reads twice: rows may be longer than registers hold, and the second time it lies in a cache.
__global__ void __launch_bounds__(kThreads)
    quantize_rows(Rows<const c10::BFloat16> x, const float* factors, Rows<uint8_t> q, float* scales, bool aligned) {
  const int64_t row = blockIdx.x;
  float largest = 0;
  for_each_pack<kElements>(x.columns, [&](int64_t column) {
    const Floats<kElements> values = load_scaled(x[row], factors, column, x.columns - column, aligned);
#pragma unroll
    for (int i = 0; i < kElements; ++i) largest = larger(largest, fabsf(values.at[i]));
  });
  const float scale = larger(__fdiv_rn(block_max(largest), kLargestE4m3), FLT_MIN);
  const float inverse = __fdiv_rn(1.0f, scale);
  if (threadIdx.x == 0) scales[row] = scale;
  for_each_pack<kElements>(x.columns, [&](int64_t column) {
    const int64_t left = x.columns - column;
    const Floats<kElements> values = load_scaled(x[row], factors, column, left, aligned);
    Pack<uint8_t, kElements> bytes;
#pragma unroll
    for (int i = 0; i < kElements; i += 2) {
      const uint32_t both = round_to_e4m3(__fmul_rn(values.at[i], inverse), __fmul_rn(values.at[i + 1], inverse));
      bytes.value[i] = static_cast<uint8_t>(both);
      bytes.value[i + 1] = static_cast<uint8_t>(both >> 8);
    }
    store(q[row] + column, bytes, left, aligned);
  });
}

// A tile of so many rows and columns; a thread takes sixteen bytes of a row, and gives sixteen of a column.
constexpr int kTile = 64;
constexpr int kBytes = 16;
constexpr int kPieces = kTile / kBytes;
static_assert(kThreads == kTile * kPieces);

__global__ void __launch_bounds__(kThreads) turn_tile(Rows<const uint8_t> from, Rows<uint8_t> to, bool aligned) {
  // Four bytes more, so that a column's bytes lie in several banks.
  __shared__ uint8_t tile[kTile][kTile + 4];
  const int line = static_cast<int>(threadIdx.x) / kPieces;
  const int begin = static_cast<int>(threadIdx.x) % kPieces * kBytes;
  const int64_t first_row = int64_t{blockIdx.y} * kTile;
  const int64_t first_column = int64_t{blockIdx.x} * kTile;
  const int64_t row = first_row + line;
  const int64_t left = row < from.count ? from.columns - first_column - begin : 0;
  if (left > 0) {
    const Pack<uint8_t, kBytes> bytes =
        load<kBytes>(from[row] + first_column + begin, left, aligned, static_cast<uint8_t>(0));
#pragma unroll
    for (int i = 0; i < kBytes; ++i) tile[line][begin + i] = bytes.value[i];
  }
  __syncthreads();
  const int64_t column = first_column + line;
  const int64_t wanted = column < from.columns ? from.count - first_row - begin : 0;
  if (wanted > 0) {
    Pack<uint8_t, kBytes> bytes;
#pragma unroll
    for (int i = 0; i < kBytes; ++i) bytes.value[i] = tile[begin + i][line];
    store(to[column] + first_row + begin, bytes, wanted, aligned);
  }
}

}  // namespace

template <typename Platform>
void CudaQuantized<Platform>::quantize(Rows<const c10::BFloat16> x, const float* factors, Rows<uint8_t> q,
                                       float* scales, cudaStream_t stream) {
  const bool aligned = is_aligned<kElements>(x) && is_aligned<kElements>(q);
  launch(quantize_rows, blocks(x.count), threads_for(ceil_div(x.columns, kElements), kThreads), stream, x, factors, q,
         scales, aligned);
}

template <typename Platform>
void CudaQuantized<Platform>::transpose(Rows<const uint8_t> from, Rows<uint8_t> to, cudaStream_t stream) {
  const bool aligned = is_aligned<kBytes>(from) && is_aligned<kBytes>(to);
  launch(turn_tile, blocks(ceil_div(from.columns, kTile), ceil_div(from.count, kTile)), kThreads, stream, from, to,
         aligned);
}

template struct CudaQuantized<CUDA_PLATFORM>;

}  // namespace mmpo
