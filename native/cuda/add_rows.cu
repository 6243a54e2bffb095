// Scattered sums of rows: of an embedding's gradient, and of the head's. Legend: ../src/kernels/kernels.h.
//
// Several rows may go to one place. The first of them, in the order of r, does all their work; the others find that there is
// an earlier one and leave. So every sum is made by one block, in order, without atomics, scratch memory or a sort.
#include "cuda/pack.cuh"

namespace mmpo {
namespace {

constexpr int kThreads = 256;

// Block (r, part): row r, and a pack of columns for each thread.
template <typename T, typename Sum>
__global__ void __launch_bounds__(kThreads)
    add_to(Rows<const T> from, const int64_t* rows, Rows<Sum> sum, bool aligned) {
  constexpr int kElements = kWidth<T>;
  __shared__ unsigned same[kThreads / kWarp];
  const int64_t first = blockIdx.x;
  const int64_t place = rows[first];
  bool earlier = false;
  for (int64_t r = threadIdx.x; r < first; r += blockDim.x) earlier |= rows[r] == place;
  if (__syncthreads_or(earlier)) return;

  const int64_t column = (int64_t{blockIdx.y} * blockDim.x + threadIdx.x) * kElements;
  const int64_t left = sum.columns - column;
  Floats<kElements> total = load_floats<kElements>(sum[place] + column, left, aligned);
  for (int64_t begin = first; begin < from.count; begin += blockDim.x) {
    const int64_t r = begin + threadIdx.x;
    const unsigned found = __ballot_sync(kAllLanes, r < from.count && rows[r] == place);
    if (threadIdx.x % kWarp == 0) same[threadIdx.x / kWarp] = found;
    __syncthreads();
    for (unsigned warp = 0; warp < blockDim.x / kWarp; ++warp) {
      for (unsigned rest = same[warp]; rest != 0; rest &= rest - 1) {
        const int64_t row = begin + warp * kWarp + __ffs(static_cast<int>(rest)) - 1;
        const Floats<kElements> change = load_floats<kElements>(from[row] + column, left, aligned);
#pragma unroll
        for (int i = 0; i < kElements; ++i) total.at[i] += change.at[i];
        total = unpack(pack<Sum>(total));
      }
    }
    __syncthreads();
  }
  store_floats(sum[place] + column, total, left, aligned);
}

}  // namespace

template <typename T, typename Sum, typename Platform>
void CudaRows<T, Sum, Platform>::add(Rows<const T> from, const int64_t* rows, Rows<Sum> sum, cudaStream_t stream) {
  const int64_t packs = ceil_div(from.columns, kWidth<T>);
  const int64_t threads = threads_for(packs, kThreads);
  launch(add_to<T, Sum>, blocks(from.count, ceil_div(packs, threads)), threads, stream, from, rows, sum,
         is_aligned<kWidth<T>>(from) && is_aligned<kWidth<T>>(sum));
}

template struct CudaRows<float, float, CUDA_PLATFORM>;
template struct CudaRows<c10::BFloat16, float, CUDA_PLATFORM>;
template struct CudaRows<c10::BFloat16, c10::BFloat16, CUDA_PLATFORM>;

}  // namespace mmpo
