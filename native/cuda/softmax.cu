// The head's log-softmax at the target, and its gradient in place, on a chunk of logits. Legend: ../src/kernels/kernels.h.
#include "cuda/pack.cuh"
#include "cuda/reduce.cuh"

namespace mmpo {
namespace {

// A row of logits is long and rows are few: large blocks.
constexpr int kGatherThreads = 1024;
// Packs that a thread asks memory for before it looks at the first.
constexpr int kAhead = 4;

// The sum of exp(x - max) over what a thread has seen, and that of its squares where somebody asks. Where all of that is minus
// infinity, relative to 0: minus infinity from itself would be NaN.
template <bool kSquares>
struct RunningSum {
  float max = -INFINITY;
  float sum = 0;
  float squares = 0;

  __device__ __forceinline__ float shift() const { return max == -INFINITY ? 0.0f : max; }

  // A NaN is no maximum, and comes through the sum.
  template <int N>
  __device__ __forceinline__ void add(const Floats<N>& x) {
    float largest = max;
#pragma unroll
    for (int i = 0; i < N; ++i) largest = larger(largest, x.at[i]);
    if (largest > max) {
      rescale(expf(max - largest));
      max = largest;
    }
    float part = 0, part_squares = 0;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const float value = expf(x.at[i] - shift());
      part += value;
      if constexpr (kSquares) part_squares = fmaf(value, value, part_squares);
    }
    sum += part;
    squares += part_squares;
  }

  __device__ __forceinline__ void rescale(float factor) {
    sum *= factor;
    if constexpr (kSquares) squares *= factor * factor;
  }
};

struct LogSums {
  double exponentials;
  double squared_probabilities;  // NaN where nobody asks
};

// Of a row, by all threads of the block, each of which gets them.
template <bool kSquares, typename T>
__device__ __forceinline__ LogSums log_sums(const T* x, int64_t columns, bool aligned) {
  constexpr int kElements = kWidth<T>;
  const int64_t step = int64_t{blockDim.x} * kElements;
  RunningSum<kSquares> running;
  for (int64_t column = int64_t{threadIdx.x} * kElements; column < columns; column += kAhead * step) {
    Pack<T, kElements> packs[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      packs[k] = load<kElements>(x + column + k * step, columns - column - k * step, aligned, T(-INFINITY));
    }
#pragma unroll
    for (int k = 0; k < kAhead; ++k) running.add(unpack(packs[k]));
  }
  const float max = block_max(running.max);
  if (running.max != max) running.rescale(expf(running.max - max));
  const double log_sum = log(block_sum(static_cast<double>(running.sum)));
  double log_squares = NAN;
  if constexpr (kSquares) log_squares = log(block_sum(static_cast<double>(running.squares))) - 2 * log_sum;
  return {static_cast<double>(max) + log_sum, log_squares};
}

template <typename T>
__device__ __forceinline__ float log_probability(const T* x, int64_t target, double log_sum) {
  return static_cast<float>(static_cast<double>(static_cast<float>(x[target])) - log_sum);
}

// The pack that begins at a column becomes its gradient.
template <typename T>
__device__ __forceinline__ void differentiate(T* x, int64_t column, int64_t columns, int64_t target, float lse,
                                              float weight, bool aligned) {
  constexpr int kElements = kWidth<T>;
  Floats<kElements> values{};
  // Weight 0 means 0, whatever the logits.
  if (weight != 0) {
    values = load_floats<kElements>(x + column, columns - column, aligned);
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      const float logp = values.at[i] - lse;
      // 1 - softmax without cancellation where the target is nearly certain.
      values.at[i] = -weight * (column + i == target ? expm1f(logp) : expf(logp));
    }
  }
  store_floats(x + column, values, columns - column, aligned);
}

template <bool kSquares, typename T>
__global__ void __launch_bounds__(kGatherThreads)
    gather_log_softmax(Rows<const T> logits, const int64_t* targets, float* lse, float* logp, float* log_squares,
                       bool aligned) {
  const int64_t row = blockIdx.x;
  const LogSums sums = log_sums<kSquares>(logits[row], logits.columns, aligned);
  if (threadIdx.x == 0) {
    lse[row] = static_cast<float>(sums.exponentials);
    logp[row] = log_probability(logits[row], targets[row], sums.exponentials);
    if constexpr (kSquares) log_squares[row] = static_cast<float>(sums.squared_probabilities);
  }
}

constexpr int kGradientThreads = 256;
// Packs of a row for one thread: long rows are shared by several blocks (blockIdx.y).
constexpr int kGradientPacks = 4;

template <typename T>
__global__ void __launch_bounds__(kGradientThreads)
    softmax_gradient_rows(Rows<T> logits, const int64_t* targets, const float* lse, const float* weights,
                          bool aligned) {
  const int64_t row = blockIdx.x;
  const int64_t first = int64_t{blockIdx.y} * kGradientPacks * blockDim.x + threadIdx.x;
#pragma unroll
  for (int k = 0; k < kGradientPacks; ++k) {
    const int64_t column = (first + int64_t{k} * blockDim.x) * kWidth<T>;
    if (column >= logits.columns) break;
    differentiate(logits[row], column, logits.columns, targets[row], lse[row], weights[row], aligned);
  }
}

// Both at once. A row of real vocabularies is some 100 to 250 KB, and a multiprocessor has one or two in hand: it is in the
// second-level cache when it is read again.
template <typename T>
__global__ void __launch_bounds__(kGatherThreads)
    gather_and_differentiate(Rows<T> logits, const int64_t* targets, const float* weights, float* logp, bool aligned) {
  const int64_t row = blockIdx.x;
  T* x = logits[row];
  const int64_t target = targets[row];
  const float weight = weights[row];
  const double log_sum = log_sums<false>(x, logits.columns, aligned).exponentials;
  if (threadIdx.x == 0) logp[row] = log_probability(x, target, log_sum);
  // Before the target's logit is overwritten.
  __syncthreads();
  for_each_pack<kWidth<T>>(logits.columns, [&](int64_t column) {
    differentiate(x, column, logits.columns, target, static_cast<float>(log_sum), weight, aligned);
  });
}

}  // namespace

template <typename T, typename Platform>
void CudaKernels<T, Platform>::log_softmax_gather(Rows<const T> logits, const int64_t* targets, float* lse, float* logp,
                                                  float* log_squares, cudaStream_t stream) {
  const auto kernel = log_squares != nullptr ? gather_log_softmax<true, T> : gather_log_softmax<false, T>;
  launch(kernel, blocks(logits.count), threads_for(ceil_div(logits.columns, kWidth<T>), kGatherThreads), stream, logits,
         targets, lse, logp, log_squares, is_aligned<kWidth<T>>(logits));
}

template <typename T, typename Platform>
void CudaKernels<T, Platform>::softmax_gradient(Rows<T> logits, const int64_t* targets, const float* lse,
                                                const float* weights, cudaStream_t stream) {
  const int64_t packs = ceil_div(logits.columns, kWidth<T>);
  const int64_t threads = threads_for(packs, kGradientThreads);
  launch(softmax_gradient_rows<T>, blocks(logits.count, ceil_div(packs, threads * kGradientPacks)), threads, stream,
         logits, targets, lse, weights, is_aligned<kWidth<T>>(logits));
}

template <typename T, typename Platform>
void CudaKernels<T, Platform>::log_softmax_gradient(Rows<T> logits, const int64_t* targets, const float* weights,
                                                    float* logp, cudaStream_t stream) {
  launch(gather_and_differentiate<T>, blocks(logits.count),
         threads_for(ceil_div(logits.columns, kWidth<T>), kGatherThreads), stream, logits, targets, weights, logp,
         is_aligned<kWidth<T>>(logits));
}

#define MMPO_INSTANTIATE(T)                                                                                          \
  template void CudaKernels<T, CUDA_PLATFORM>::log_softmax_gather(Rows<const T>, const int64_t*, float*, float*,     \
                                                                  float*, cudaStream_t);                             \
  template void CudaKernels<T, CUDA_PLATFORM>::softmax_gradient(Rows<T>, const int64_t*, const float*, const float*, \
                                                                cudaStream_t);                                       \
  template void CudaKernels<T, CUDA_PLATFORM>::log_softmax_gradient(Rows<T>, const int64_t*, const float*, float*,   \
                                                                    cudaStream_t);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
