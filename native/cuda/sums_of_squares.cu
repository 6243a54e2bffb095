// The global norm: sums of squares of blocks, in double, and their sum. Legend: ../src/kernels/kernels.h.
#include "cuda/pack.cuh"
#include "cuda/reduce.cuh"

namespace mmpo {
namespace {

constexpr int kBlockThreads = 512;
constexpr int kSumThreads = 1024;

template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    square_and_sum(const T* values, int64_t count, double* partials, bool aligned) {
  constexpr int kElements = kWidth<T>;
  const T* from = values + int64_t{blockIdx.x} * kNormBlock;
  const int64_t left = count - int64_t{blockIdx.x} * kNormBlock;
  // Sums that do not wait for each other.
  double sums[kElements] = {};
#pragma unroll 4
  for (int64_t i = int64_t{threadIdx.x} * kElements; i < kNormBlock; i += int64_t{blockDim.x} * kElements) {
    const Pack<T, kElements> pack = load<kElements>(from + i, left - i, aligned);
#pragma unroll
    for (int k = 0; k < kElements; ++k) {
      const auto value = static_cast<double>(pack.value[k]);
      sums[k] = fma(value, value, sums[k]);
    }
  }
  double sum = 0;
#pragma unroll
  for (int k = 0; k < kElements; ++k) sum += sums[k];
  sum = block_sum(sum);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kSumThreads) sum_all(const double* values, int64_t count, double* out) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += values[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *out = sum;
}

}  // namespace

template <typename T, typename Platform>
void CudaOptimizer<T, Platform>::sums_of_squares(const T* values, int64_t count, double* partials,
                                                 cudaStream_t stream) {
  launch(square_and_sum<T>, blocks(ceil_div(count, kNormBlock)), kBlockThreads, stream, values, count, partials,
         is_aligned<kWidth<T>>(values));
}

template <typename Platform>
void CudaSum<Platform>::sum(const double* values, int64_t count, double* out, cudaStream_t stream) {
  launch(sum_all, blocks(1), kSumThreads, stream, values, count, out);
}

template void CudaOptimizer<float, CUDA_PLATFORM>::sums_of_squares(const float*, int64_t, double*, cudaStream_t);
template void CudaOptimizer<double, CUDA_PLATFORM>::sums_of_squares(const double*, int64_t, double*, cudaStream_t);
template struct CudaSum<CUDA_PLATFORM>;

}  // namespace mmpo
