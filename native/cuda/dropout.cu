// Dropout with the masks of the CPU (../src/kernels/cpu/dropout.cpp), bit for bit. Legend: cuda_kernels.h.
//
// One draw of philox is 128 bits and decides about 8 columns, which lie 16 apart within 128: of half a warp, lane l draws for
// columns 32 w + l (lower half of word w) and 32 w + 16 + l (upper half). A warp draws for 256 columns, exchanges its bits by 8
// ballots, and then every lane knows those of 8 columns side by side, which it moves as packs.
#include "common/philox.h"
#include "cuda/pack.cuh"

namespace mmpo {
namespace {

constexpr int kThreads = 256;
constexpr int kElements = 8;
constexpr int kPhiloxLanes = 16;
constexpr int kWarpColumns = kWarp * kElements;

// Bit i: whether column segment * kWarpColumns + 8 * lane + i of the row is kept. The whole warp calls it.
__device__ __forceinline__ unsigned draw(const DropoutStream& mask, int64_t row, int64_t segment) {
  const unsigned lane = threadIdx.x % kWarp;
  const auto draw_number =
      static_cast<uint32_t>(segment * 2 + lane / kPhiloxLanes) * kPhiloxLanes + lane % kPhiloxLanes;
  uint32_t words[4][1] = {{draw_number}, {static_cast<uint32_t>(mask.first_row + row)}, {mask.stream}, {0}};
  philox(mask.key, words);
  // Of the 16 neighbours that one half of a word decides about, this lane's 8 are the first or the last.
  const unsigned wanted = lane % kPhiloxLanes / 2;
  unsigned bits = 0;
#pragma unroll
  for (unsigned word = 0; word < 4; ++word) {
    const unsigned lower = __ballot_sync(kAllLanes, (words[word][0] & 0xFFFF) >= mask.threshold);
    const unsigned upper = __ballot_sync(kAllLanes, (words[word][0] >> 16) >= mask.threshold);
    if (wanted == 2 * word) bits = lower;
    if (wanted == 2 * word + 1) bits = upper;
  }
  return bits >> (lane / kPhiloxLanes * kPhiloxLanes + lane % 2 * kElements);
}

// body(column, kept) for this lane's packs of the block's row: column of the first element, bit i of kept for element i.
template <typename Body>
__device__ __forceinline__ void for_each_masked_pack(int64_t columns, const DropoutStream& mask, const Body& body) {
  const int64_t row = blockIdx.x;
  for (int64_t segment = threadIdx.x / kWarp; segment * kWarpColumns < columns; segment += blockDim.x / kWarp) {
    const unsigned kept = draw(mask, row, segment);
    const int64_t column = segment * kWarpColumns + threadIdx.x % kWarp * kElements;
    if (column < columns) body(column, kept);
  }
}

__device__ __forceinline__ float select(unsigned kept, int element, float value) {
  return (kept >> element & 1) != 0 ? value : 0.0f;
}

template <typename T>
__global__ void __launch_bounds__(kThreads) drop(Rows<const T> x, DropoutStream mask, Rows<T> out, bool aligned) {
  const int64_t row = blockIdx.x;
  for_each_masked_pack(x.columns, mask, [&](int64_t column, unsigned kept) {
    const int64_t left = x.columns - column;
    Floats<kElements> values = load_floats<kElements>(x[row] + column, left, aligned);
#pragma unroll
    for (int i = 0; i < kElements; ++i) values.at[i] = select(kept, i, values.at[i]);
    store_floats(out[row] + column, values, left, aligned);
  });
}

template <typename T>
__global__ void __launch_bounds__(kThreads) drop_backward(Rows<const float> grad, Rows<const T> x, DropoutStream mask,
                                                          Rows<T> x_kept, Rows<T> grad_x, bool aligned) {
  const int64_t row = blockIdx.x;
  for_each_masked_pack(x.columns, mask, [&](int64_t column, unsigned kept) {
    const int64_t left = x.columns - column;
    const Floats<kElements> change = load_floats<kElements>(grad[row] + column, left, aligned);
    Floats<kElements> input = load_floats<kElements>(x[row] + column, left, aligned);
    Floats<kElements> total = load_floats<kElements>(grad_x[row] + column, left, aligned);
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      input.at[i] = select(kept, i, input.at[i]);
      total.at[i] += select(kept, i, change.at[i]);
    }
    store_floats(x_kept[row] + column, input, left, aligned);
    store_floats(grad_x[row] + column, total, left, aligned);
  });
}

int64_t threads_for_row(int64_t columns) { return threads_for(ceil_div(columns, kWarpColumns) * kWarp, kThreads); }

}  // namespace

template <typename T, typename Platform>
void CudaKernels<T, Platform>::dropout(Rows<const T> x, const DropoutStream& mask, Rows<T> out, cudaStream_t stream) {
  const bool aligned = is_aligned<kElements>(x) && is_aligned<kElements>(out);
  launch(drop<T>, blocks(x.count), threads_for_row(x.columns), stream, x, mask, out, aligned);
}

template <typename T, typename Platform>
void CudaKernels<T, Platform>::dropout_backward(Rows<const float> grad, Rows<const T> x, const DropoutStream& mask,
                                                Rows<T> kept, Rows<T> grad_x, cudaStream_t stream) {
  const bool aligned = is_aligned<kElements>(grad) && is_aligned<kElements>(x) && is_aligned<kElements>(kept) &&
                       is_aligned<kElements>(grad_x);
  launch(drop_backward<T>, blocks(x.count), threads_for_row(x.columns), stream, grad, x, mask, kept, grad_x, aligned);
}

#define MMPO_INSTANTIATE(T)                                                                                         \
  template void CudaKernels<T, CUDA_PLATFORM>::dropout(Rows<const T>, const DropoutStream&, Rows<T>, cudaStream_t); \
  template void CudaKernels<T, CUDA_PLATFORM>::dropout_backward(Rows<const float>, Rows<const T>,                   \
                                                                const DropoutStream&, Rows<T>, Rows<T>, cudaStream_t);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
