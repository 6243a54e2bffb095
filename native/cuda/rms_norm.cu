// RMSNorm (Zhang and Sennrich, arXiv 1910.07467), a block of threads for a row, which it holds in registers: memory is read
// once and written once. Legend: ../src/kernels/kernels.h.
#include "cuda/pack.cuh"
#include "cuda/reduce.cuh"

namespace mmpo {
namespace {

// Packs of a row that one thread holds are 1, 2 or 4; blocks grow beyond so many threads only with the last.
constexpr int64_t kUsualThreads = 256;
constexpr int kMostPacks = 4;

template <typename T, int kPacks>
constexpr int64_t kThreadLimit = kPacks < kMostPacks ? kUsualThreads : kLongestNormRow / (kMostPacks * kWidth<T>);

template <typename T>
using Pack16 = Pack<T, kWidth<T>>;

// body(k, column) for pack k of this thread, which begins at column.
template <int kPacks, int kElements, typename Body>
__device__ __forceinline__ void for_each_held(int64_t columns, const Body& body) {
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int64_t column = (int64_t{k} * blockDim.x + threadIdx.x) * kElements;
    if (column < columns) body(k, column);
  }
}

template <typename T, int kPacks>
__device__ __forceinline__ float reciprocal_root_mean_square(const Pack16<T> (&x)[kPacks], int64_t columns, float eps) {
  float sum = 0;
  for_each_held<kPacks, kWidth<T>>(columns, [&](int k, int64_t) {
    const Floats<kWidth<T>> values = unpack(x[k]);
#pragma unroll
    for (int i = 0; i < kWidth<T>; ++i) sum = fmaf(values.at[i], values.at[i], sum);
  });
  return 1.0f / sqrtf(block_sum(sum) / static_cast<float>(columns) + eps);
}

template <typename T, int kPacks>
__device__ __forceinline__ void store_scaled(const Pack16<T> (&x)[kPacks], const T* weight, float scale, T* out,
                                             int64_t columns, bool aligned) {
  for_each_held<kPacks, kWidth<T>>(columns, [&](int k, int64_t column) {
    Floats<kWidth<T>> values = unpack(x[k]);
    const Floats<kWidth<T>> w = load_floats<kWidth<T>>(weight + column, columns - column, aligned);
#pragma unroll
    for (int i = 0; i < kWidth<T>; ++i) values.at[i] = values.at[i] * scale * w.at[i];
    store_floats(out + column, values, columns - column, aligned);
  });
}

template <typename T, int kPacks>
__device__ __forceinline__ void load_row(const T* from, int64_t columns, bool aligned, Pack16<T> (&x)[kPacks]) {
  for_each_held<kPacks, kWidth<T>>(
      columns, [&](int k, int64_t column) { x[k] = load<kWidth<T>>(from + column, columns - column, aligned); });
}

template <typename T, int kPacks>
__global__ void __launch_bounds__(kThreadLimit<T, kPacks>)
    norm_rows(Rows<const T> x, const T* weight, float eps, Rows<T> out, float* rstd, bool aligned) {
  const int64_t row = blockIdx.x;
  Pack16<T> held[kPacks];
  load_row(x[row], x.columns, aligned, held);
  const float scale = reciprocal_root_mean_square<T>(held, x.columns, eps);
  if (threadIdx.x == 0) rstd[row] = scale;
  store_scaled<T>(held, weight, scale, out[row], x.columns, aligned);
}

template <typename T, int kPacks>
__global__ void __launch_bounds__(kThreadLimit<T, kPacks>)
    scale_rows(Rows<const T> x, const T* weight, const float* rstd, Rows<T> out, bool aligned) {
  const int64_t row = blockIdx.x;
  Pack16<T> held[kPacks];
  load_row(x[row], x.columns, aligned, held);
  store_scaled<T>(held, weight, rstd[row], out[row], x.columns, aligned);
}

// With xhat = x * rstd and g = grad_out * weight: dx = rstd * (g - xhat * mean(g * xhat)).
template <typename T, int kPacks>
__global__ void __launch_bounds__(kThreadLimit<T, kPacks>)
    backward_rows(Rows<const T> grad_out, Rows<const T> x, const T* weight, const float* rstd, Rows<T> grad_x,
                  Into into, bool aligned) {
  const int64_t row = blockIdx.x;
  const int64_t columns = x.columns;
  Pack16<T> grad[kPacks], held[kPacks];
  load_row(grad_out[row], columns, aligned, grad);
  load_row(x[row], columns, aligned, held);
  float sum = 0;
  for_each_held<kPacks, kWidth<T>>(columns, [&](int k, int64_t column) {
    const Floats<kWidth<T>> w = load_floats<kWidth<T>>(weight + column, columns - column, aligned);
    const Floats<kWidth<T>> g = unpack(grad[k]), values = unpack(held[k]);
#pragma unroll
    for (int i = 0; i < kWidth<T>; ++i) sum = fmaf(g.at[i] * values.at[i], w.at[i], sum);
  });
  const float scale = rstd[row];
  const float along_x = -scale * scale * scale * (block_sum(sum) / static_cast<float>(columns));
  for_each_held<kPacks, kWidth<T>>(columns, [&](int k, int64_t column) {
    const Floats<kWidth<T>> w = load_floats<kWidth<T>>(weight + column, columns - column, aligned);
    const Floats<kWidth<T>> g = unpack(grad[k]), values = unpack(held[k]);
    Floats<kWidth<T>> total = {};
    if (into == Into::kSum) total = load_floats<kWidth<T>>(grad_x[row] + column, columns - column, aligned);
#pragma unroll
    for (int i = 0; i < kWidth<T>; ++i) total.at[i] += fmaf(values.at[i], along_x, g.at[i] * w.at[i] * scale);
    store_floats(grad_x[row] + column, total, columns - column, aligned);
  });
}

// Weight gradient, first part: kWeightGradientBlock rows (blockIdx.x) in a warp's width of packs (blockIdx.y). Warps take rows
// in turns, and their sums are added in the order of the warps.
constexpr int kRowGroups = 8;

template <typename T>
__global__ void __launch_bounds__(kRowGroups* kWarp)
    sum_weight_gradient(Rows<const T> grad_out, Rows<const T> x, const float* rstd, float* partials, bool aligned) {
  constexpr int kElements = kWidth<T>;
  __shared__ float sums[kRowGroups][kWarp * kElements];
  const unsigned lane = threadIdx.x % kWarp;
  const unsigned group = threadIdx.x / kWarp;
  const int64_t first_column = int64_t{blockIdx.y} * (kWarp * kElements);
  const int64_t column = first_column + int64_t{lane} * kElements;
  const int64_t left = x.columns - column;
  const int64_t first = int64_t{blockIdx.x} * kWeightGradientBlock;
  float sum[kElements] = {};
  for (int64_t row = first + group; row < first + kWeightGradientBlock && row < x.count && left > 0;
       row += kRowGroups) {
    const Floats<kElements> grad = load_floats<kElements>(grad_out[row] + column, left, aligned);
    const Floats<kElements> values = load_floats<kElements>(x[row] + column, left, aligned);
    const float scale = rstd[row];
#pragma unroll
    for (int i = 0; i < kElements; ++i) sum[i] = fmaf(grad.at[i] * values.at[i], scale, sum[i]);
  }
#pragma unroll
  for (int i = 0; i < kElements; ++i) sums[group][lane * kElements + i] = sum[i];
  __syncthreads();
  const int64_t mine = first_column + threadIdx.x;
  if (threadIdx.x < kWarp * kElements && mine < x.columns) {
    float total = 0;
#pragma unroll
    for (int g = 0; g < kRowGroups; ++g) total += sums[g][threadIdx.x];
    partials[int64_t{blockIdx.x} * x.columns + mine] = total;
  }
}

// Second part: grad_weight += the sum over blocks, for a warp's width of columns.
__global__ void __launch_bounds__(kRowGroups* kWarp)
    add_partials(const float* partials, int64_t num_partials, int64_t columns, float* grad_weight) {
  __shared__ float sums[kRowGroups][kWarp];
  const unsigned lane = threadIdx.x % kWarp;
  const unsigned group = threadIdx.x / kWarp;
  const int64_t column = int64_t{blockIdx.x} * kWarp + lane;
  float sum = 0;
  for (int64_t k = group; k < num_partials && column < columns; k += kRowGroups) sum += partials[k * columns + column];
  sums[group][lane] = sum;
  __syncthreads();
  if (group == 0 && column < columns) {
    float total = 0;
#pragma unroll
    for (int g = 0; g < kRowGroups; ++g) total += sums[g][lane];
    grad_weight[column] += total;
  }
}

// body(the number of packs as a constant, threads) for rows of so many columns.
template <typename T, typename Body>
void with_packs(int64_t columns, const Body& body) {
  TORCH_CHECK(columns <= kLongestNormRow, "RMSNorm on CUDA takes rows of up to ", kLongestNormRow, " columns, got ",
              columns);
  const int64_t packs = ceil_div(columns, kWidth<T>);
  if (packs <= kUsualThreads) {
    body(std::integral_constant<int, 1>(), threads_for(packs, kUsualThreads));
  } else if (packs <= 2 * kUsualThreads) {
    body(std::integral_constant<int, 2>(), threads_for(ceil_div(packs, 2), kUsualThreads));
  } else {
    body(std::integral_constant<int, kMostPacks>(),
         threads_for(ceil_div(packs, kMostPacks), kThreadLimit<T, kMostPacks>));
  }
}

}  // namespace

template <typename T, typename Platform>
void CudaKernels<T, Platform>::rms_norm(Rows<const T> x, const T* weight, float eps, Rows<T> out, float* rstd,
                                        cudaStream_t stream) {
  const bool aligned = is_aligned<kWidth<T>>(x) && is_aligned<kWidth<T>>(weight) && is_aligned<kWidth<T>>(out);
  with_packs<T>(x.columns, [&](auto packs, int64_t threads) {
    launch(norm_rows<T, packs()>, blocks(x.count), threads, stream, x, weight, eps, out, rstd, aligned);
  });
}

template <typename T, typename Platform>
void CudaKernels<T, Platform>::rms_norm_recompute(Rows<const T> x, const T* weight, const float* rstd, Rows<T> out,
                                                  cudaStream_t stream) {
  const bool aligned = is_aligned<kWidth<T>>(x) && is_aligned<kWidth<T>>(weight) && is_aligned<kWidth<T>>(out);
  with_packs<T>(x.columns, [&](auto packs, int64_t threads) {
    launch(scale_rows<T, packs()>, blocks(x.count), threads, stream, x, weight, rstd, out, aligned);
  });
}

template <typename T, typename Platform>
void CudaKernels<T, Platform>::rms_norm_backward(Rows<const T> grad_out, Rows<const T> x, const T* weight,
                                                 const float* rstd, Rows<T> grad_x, float* grad_weight, float* partials,
                                                 Into into, cudaStream_t stream) {
  const bool aligned = is_aligned<kWidth<T>>(grad_out) && is_aligned<kWidth<T>>(x) && is_aligned<kWidth<T>>(weight) &&
                       is_aligned<kWidth<T>>(grad_x);
  if (grad_weight != nullptr && x.count > 0) {
    constexpr int64_t threads = kRowGroups * kWarp;
    const int64_t num_partials = ceil_div(x.count, kWeightGradientBlock);
    launch(sum_weight_gradient<T>, blocks(num_partials, ceil_div(x.columns, kWarp * kWidth<T>)), threads, stream,
           grad_out, x, rstd, partials, aligned);
    launch(add_partials, blocks(ceil_div(x.columns, kWarp)), threads, stream, partials, num_partials, x.columns,
           grad_weight);
  }
  with_packs<T>(x.columns, [&](auto packs, int64_t threads) {
    launch(backward_rows<T, packs()>, blocks(x.count), threads, stream, grad_out, x, weight, rstd, grad_x, into,
           aligned);
  });
}

#define MMPO_INSTANTIATE(T)                                                                                            \
  template void CudaKernels<T, CUDA_PLATFORM>::rms_norm(Rows<const T>, const T*, float, Rows<T>, float*,               \
                                                        cudaStream_t);                                                 \
  template void CudaKernels<T, CUDA_PLATFORM>::rms_norm_recompute(Rows<const T>, const T*, const float*, Rows<T>,      \
                                                                  cudaStream_t);                                       \
  template void CudaKernels<T, CUDA_PLATFORM>::rms_norm_backward(Rows<const T>, Rows<const T>, const T*, const float*, \
                                                                 Rows<T>, float*, float*, Into, cudaStream_t);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
