// The head's log-softmax at the target, and its gradient in place, on a chunk of logits. Legend: ../src/kernels/kernels.h.
#include "cuda/pack.cuh"
#include "cuda/reduce.cuh"

namespace mmpo {
namespace {

// A row of logits is long and rows are few: large blocks.
constexpr int kGatherThreads = 1024;
// Packs that a thread asks memory for before it looks at the first.
constexpr int kAhead = 4;

// The sum of exp(x - max) over what a thread has seen, and where somebody asks those of its squares and of its products with x - max.
// Where all of that is minus infinity, relative to 0: minus infinity from itself would be NaN.
template <bool kExtras>
struct RunningSum {
  float max = -INFINITY;
  float sum = 0;
  float squares = 0;
  float products = 0;

  __device__ __forceinline__ float shift() const { return max == -INFINITY ? 0.0f : max; }

  // A NaN is no maximum, and comes through the sum.
  template <int N>
  __device__ __forceinline__ void add(const Floats<N>& x) {
    float largest = max;
#pragma unroll
    for (int i = 0; i < N; ++i) largest = larger(largest, x.at[i]);
    if (largest > max) {
      move_to(largest);
    }
    float part = 0, part_squares = 0, part_products = 0;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const float exponent = x.at[i] - shift();
      const float value = expf(exponent);
      part += value;
      if constexpr (kExtras) {
        part_squares = fmaf(value, value, part_squares);
        part_products = fmaf(value, larger(kNoProbability, exponent), part_products);
      }
    }
    sum += part;
    squares += part_squares;
    products += part_products;
  }

  // Before the first number there is nothing to move.
  __device__ __forceinline__ void move_to(float new_max) {
    const float factor = expf(max - new_max);
    if constexpr (kExtras) {
      products = max == -INFINITY ? 0.0f : factor * (products + (max - new_max) * sum);
      squares *= factor * factor;
    }
    sum *= factor;
    max = new_max;
  }
};

struct LogSums {
  float max;  // of the numbers
  double exponentials;
  double squared_probabilities, entropy;  // NaN where nobody asks
};

// Of a row, by all threads of the block, each of which gets them.
template <bool kExtras, typename T>
__device__ __forceinline__ LogSums log_sums(const T* x, int64_t columns, bool aligned) {
  constexpr int kElements = kWidth<T>;
  const int64_t step = int64_t{blockDim.x} * kElements;
  RunningSum<kExtras> running;
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
  if (running.max != max) running.move_to(max);
  const double sum = block_sum(static_cast<double>(running.sum));
  const double log_sum = log(sum);
  double log_squares = NAN, entropy = NAN;
  if constexpr (kExtras) {
    log_squares = log(block_sum(static_cast<double>(running.squares))) - 2 * log_sum;
    entropy = log_sum - block_sum(static_cast<double>(running.products)) / sum;
  }
  return {max, static_cast<double>(max) + log_sum, log_squares, entropy};
}

// By all threads of the block, each of which gets it. Among logits of which one is no number there is no first.
template <typename T>
__device__ __forceinline__ bool is_first(const T* x, int64_t target, const LogSums& sums) {
  if (sums.exponentials != sums.exponentials || static_cast<float>(x[target]) != sums.max) return false;
  float found = 0;
  for (int64_t column = threadIdx.x; column < target; column += blockDim.x) {
    if (static_cast<float>(x[column]) == sums.max) found = 1;
  }
  return block_max(found) == 0;
}

template <typename T>
__device__ __forceinline__ float log_probability(const T* x, int64_t target, double log_sum) {
  return static_cast<float>(static_cast<double>(static_cast<float>(x[target])) - log_sum);
}

// The pack that begins at a column becomes its gradient.
template <typename T>
__device__ __forceinline__ void differentiate(T* x, int64_t column, int64_t columns, int64_t target, float lse,
                                              float weight, float entropy, float entropy_weight, bool aligned) {
  constexpr int kElements = kWidth<T>;
  Floats<kElements> values{};
  // Weight 0 means 0, whatever the logits.
  if (weight != 0 || entropy_weight != 0) {
    values = load_floats<kElements>(x + column, columns - column, aligned);
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      const float logp = values.at[i] - lse;
      // 1 - softmax without cancellation where the target is nearly certain.
      float value = -weight * (column + i == target ? expm1f(logp) : expf(logp));
      if (entropy_weight != 0) value -= entropy_weight * expf(logp) * (larger(kNoProbability, logp) + entropy);
      values.at[i] = value;
    }
  }
  store_floats(x + column, values, columns - column, aligned);
}

template <bool kExtras, typename T>
__global__ void __launch_bounds__(kGatherThreads)
    gather_log_softmax(Rows<const T> logits, const int64_t* targets, float* lse, float* logp, SoftmaxExtras extras,
                       bool aligned) {
  const int64_t row = blockIdx.x;
  const LogSums sums = log_sums<kExtras>(logits[row], logits.columns, aligned);
  const bool first = extras.is_first != nullptr && is_first(logits[row], targets[row], sums);
  if (threadIdx.x == 0) {
    if (extras.is_first != nullptr) extras.is_first[row] = first;
    lse[row] = static_cast<float>(sums.exponentials);
    logp[row] = log_probability(logits[row], targets[row], sums.exponentials);
    if (extras.log_squares != nullptr) extras.log_squares[row] = static_cast<float>(sums.squared_probabilities);
    if (extras.entropies != nullptr) extras.entropies[row] = static_cast<float>(sums.entropy);
  }
}

constexpr int kGradientThreads = 256;
// Packs of a row for one thread: long rows are shared by several blocks (blockIdx.y).
constexpr int kGradientPacks = 4;

template <typename T>
__global__ void __launch_bounds__(kGradientThreads)
    softmax_gradient_rows(Rows<T> logits, const int64_t* targets, const float* lse, const float* weights,
                          EntropyTerms entropy, bool aligned) {
  const int64_t row = blockIdx.x;
  const int64_t first = int64_t{blockIdx.y} * kGradientPacks * blockDim.x + threadIdx.x;
#pragma unroll
  for (int k = 0; k < kGradientPacks; ++k) {
    const int64_t column = (first + int64_t{k} * blockDim.x) * kWidth<T>;
    if (column >= logits.columns) break;
    differentiate(logits[row], column, logits.columns, targets[row], lse[row], weights[row], entropy.entropy(row),
                  entropy.weight(row), aligned);
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
    differentiate(x, column, logits.columns, target, static_cast<float>(log_sum), weight, 0.0f, 0.0f, aligned);
  });
}

}  // namespace

template <typename T, typename Platform>
void CudaKernels<T, Platform>::log_softmax_gather(Rows<const T> logits, const int64_t* targets, float* lse, float* logp,
                                                  SoftmaxExtras extras, cudaStream_t stream) {
  const auto kernel = extras.reads_more_sums() ? gather_log_softmax<true, T> : gather_log_softmax<false, T>;
  launch(kernel, blocks(logits.count), threads_for(ceil_div(logits.columns, kWidth<T>), kGatherThreads), stream, logits,
         targets, lse, logp, extras, is_aligned<kWidth<T>>(logits));
}

template <typename T, typename Platform>
void CudaKernels<T, Platform>::softmax_gradient(Rows<T> logits, const int64_t* targets, const float* lse,
                                                const float* weights, EntropyTerms entropy, cudaStream_t stream) {
  const int64_t packs = ceil_div(logits.columns, kWidth<T>);
  const int64_t threads = threads_for(packs, kGradientThreads);
  launch(softmax_gradient_rows<T>, blocks(logits.count, ceil_div(packs, threads * kGradientPacks)), threads, stream,
         logits, targets, lse, weights, entropy, is_aligned<kWidth<T>>(logits));
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
                                                                  SoftmaxExtras, cudaStream_t);                      \
  template void CudaKernels<T, CUDA_PLATFORM>::softmax_gradient(Rows<T>, const int64_t*, const float*, const float*, \
                                                                EntropyTerms, cudaStream_t);                         \
  template void CudaKernels<T, CUDA_PLATFORM>::log_softmax_gradient(Rows<T>, const int64_t*, const float*, float*,   \
                                                                    cudaStream_t);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
