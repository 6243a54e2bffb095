// Tokens drawn from rows of logits, a block for each: greedy, or with temperature, top-k and top-p, as ../src/generate/sampler.h has it.
//
// Nothing is sorted. What top-k and top-p keep is all above a logit and, of the tokens that have it, the first few; that logit is
// found by halving the range of keys, whole numbers in the order of the logits, with a pass over the row for each half. The draw
// itself sums in the order of the CPU, in double: the same uniform number gives the same token.
// Legend: V logits of a row.
#include "cuda/pack.cuh"
#include "cuda/reduce.cuh"
#include "generate/cuda_sampler.h"

namespace mmpo {
namespace {

constexpr int kThreads = 1024;
constexpr int kWarps = kThreads / kWarp;
constexpr int kLanes = static_cast<int>(kDrawLanes);
constexpr auto kBlock = static_cast<int64_t>(kDrawBlock);

struct LargerKey {
  __device__ __forceinline__ uint64_t operator()(uint64_t a, uint64_t b) const { return a > b ? a : b; }
};

// A whole number in the order of the logits. Both zeros are one; a bfloat16 has 16 bits.
template <typename T>
__device__ __forceinline__ uint32_t key_of(float logit) {
  const uint32_t bits = as_bits(logit == 0 ? 0.0f : logit);
  const uint32_t key = bits >> 31 != 0 ? ~bits : bits | 0x80000000;
  return sizeof(T) == 2 ? key >> 16 : key;
}
template <typename T>
__device__ __forceinline__ float logit_of(uint32_t key) {
  const uint32_t top = sizeof(T) == 2 ? key << 16 : key;
  const uint32_t bits = top >> 31 != 0 ? top ^ 0x80000000 : ~top;
  return as_float(sizeof(T) == 2 ? bits & 0xFFFF0000 : bits);
}

__device__ __forceinline__ bool is_finite(float value) { return (as_bits(value) & 0x7FFFFFFF) < 0x7F800000; }

template <typename T>
struct Row {
  const T* data;
  int64_t columns;
  bool aligned;

  // body(column, logit) for what falls to this thread.
  template <typename Body>
  __device__ __forceinline__ void for_each(const Body& body) const {
    for_each_pack<kWidth<T>>(columns, [&](int64_t column) {
      const Floats<kWidth<T>> logits = load_floats<kWidth<T>>(data + column, columns - column, aligned);
#pragma unroll
      for (int i = 0; i < kWidth<T>; ++i) {
        if (column + i < columns) body(column + i, logits.at[i]);
      }
    });
  }
};

// Tokens that are kept: those above a key and, of its own, those up to a place.
struct Cut {
  uint32_t key = 0;
  int64_t last = INT64_MAX;

  __device__ __forceinline__ bool keeps(uint32_t other, int64_t column) const {
    return other > key || (other == key && column <= last);
  }
};

// How many of the row's logits, or what of its mass, the whole block counts.
template <typename T, typename Count>
__device__ __forceinline__ Count count(const Row<T>& row, const auto& of_token) {
  Count sum = 0;
  row.for_each([&](int64_t column, float logit) { sum += of_token(column, logit); });
  return block_sum(sum);
}

// The place of the rank-th of the tokens with this key, from 1. Each warp has a stretch of the row.
template <typename T>
__device__ __forceinline__ int64_t place_of(const Row<T>& row, uint32_t key, int64_t rank) {
  __shared__ int64_t of_warp[kWarps];
  __shared__ int64_t place;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  const int64_t stretch = (row.columns + kThreads - 1) / kThreads * kWarp;
  const auto votes = [&](int64_t first) {
    const int64_t column = first + lane;
    return __ballot_sync(kAllLanes, column < row.columns && key_of<T>(static_cast<float>(row.data[column])) == key);
  };
  const int64_t begin = warp * stretch;
  int64_t own = 0;
  for (int64_t first = begin; first < begin + stretch; first += kWarp) own += __popc(votes(first));
  if (lane == 0) of_warp[warp] = own;
  __syncthreads();
  int64_t before = 0;
  for (int other = 0; other < warp; ++other) before += of_warp[other];
  if (before < rank && rank <= before + own) {
    for (int64_t first = begin; before < rank; first += kWarp) {
      const unsigned here = votes(first);
      const bool is_it = (here >> lane & 1) != 0 && before + __popc(here & ((1U << lane) - 1)) + 1 == rank;
      if (is_it) place = first + lane;
      before += __popc(here);
    }
  }
  __syncthreads();
  const int64_t found = place;
  __syncthreads();
  return found;
}

// The `wanted` likeliest; of equal ones the smaller tokens.
template <typename T>
__device__ Cut cut_to_count(const Row<T>& row, uint32_t largest, int64_t wanted) {
  uint32_t low = 0, high = largest + 1;  // at least so many from low on, fewer from high on
  int64_t from_low = row.columns, from_high = 0;
  while (high - low > 1 && from_low != wanted) {
    const uint32_t middle = low + (high - low) / 2;
    const auto from_middle = count<T, int64_t>(
        row, [&](int64_t, float logit) { return key_of<T>(logit) >= middle ? int64_t{1} : int64_t{0}; });
    (from_middle >= wanted ? low : high) = middle;
    (from_middle >= wanted ? from_low : from_high) = from_middle;
  }
  return {low, from_low == wanted ? INT64_MAX : place_of(row, low, wanted - from_high)};
}

// Of what is kept the fewest likeliest whose mass is top_p of all.
template <typename T>
__device__ Cut cut_to_mass(const Row<T>& row, const Cut& kept, uint32_t largest, float scale, double top_p) {
  const float largest_logit = logit_of<T>(largest);
  const auto mass = [&](uint32_t from, uint32_t to) {
    return count<T, double>(row, [&](int64_t column, float logit) {
      const uint32_t key = key_of<T>(logit);
      return from <= key && key < to && kept.keeps(key, column)
                 ? static_cast<double>(draw_weight(logit, largest_logit, scale))
                 : 0.0;
    });
  };
  uint32_t low = kept.key, high = largest + 1;  // from low on there is mass enough, from high on not
  const double target = top_p * mass(low, high);
  double from_high = 0;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    const double part = mass(middle, high);
    if (from_high + part >= target) {
      low = middle;
    } else {
      high = middle;
      from_high += part;
    }
  }
  const auto equals = count<T, int64_t>(row, [&](int64_t column, float logit) {
    const uint32_t key = key_of<T>(logit);
    return key == low && kept.keeps(key, column) ? int64_t{1} : int64_t{0};
  });
  const auto weight = static_cast<double>(draw_weight(logit_of<T>(low), largest_logit, scale));
  // The fewest of the equals that reach it, by halves: all of them do, by how the key was found.
  int64_t too_few = 0, enough = equals;
  while (enough - too_few > 1) {
    const int64_t middle = too_few + (enough - too_few) / 2;
    (from_high + static_cast<double>(middle) * weight >= target ? enough : too_few) = middle;
  }
  if (enough == equals) return {low, low == kept.key ? kept.last : INT64_MAX};
  return {low, place_of(row, low, enough)};
}

// sums[b] = the weights of block b, in the order of the CPU: half a warp has its lanes.
template <typename Weight>
__device__ __forceinline__ void sum_blocks(int64_t columns, const Weight& weight, double* sums) {
  const int64_t num_blocks = num_draw_blocks(columns);
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const unsigned half = threadIdx.x % kWarp / kLanes;
  for (int64_t pair = threadIdx.x / kWarp; 2 * pair < num_blocks; pair += kWarps) {
    const int64_t block = 2 * pair + half;
    const int64_t begin = block * kBlock;
    const int64_t end = begin + kBlock < columns ? begin + kBlock : columns;
    // What is left of a row behind whole lanes is the first lane's.
    const int64_t whole = begin < end ? end - (end - begin) % kLanes : begin;
    double sum = 0;
    for (int64_t column = begin + lane; column < whole; column += kLanes) sum += static_cast<double>(weight(column));
    for (int64_t column = whole; lane == 0 && column < end; ++column) sum += static_cast<double>(weight(column));
    double total = 0;
    for (unsigned other = 0; other < kLanes; ++other) total += __shfl_sync(kAllLanes, sum, half * kLanes + other);
    if (lane == 0 && block < num_blocks) sums[block] = total;
  }
  __syncthreads();
}

// The place at which the sum of weights so far exceeds the given part of their total.
template <typename Weight>
__device__ __forceinline__ int64_t place_of_mass(int64_t columns, const Weight& weight, double uniform, double* sums) {
  __shared__ double reached, target;
  __shared__ int64_t begin;
  __shared__ float weights[kBlock];
  sum_blocks(columns, weight, sums);
  if (threadIdx.x == 0) {
    const int64_t num_blocks = num_draw_blocks(columns);
    double total = 0;
    for (int64_t block = 0; block < num_blocks; ++block) total += sums[block];
    target = uniform * total;
    double before = 0;
    for (int64_t block = 0; block < num_blocks && before <= target; ++block) {
      begin = block * kBlock;
      reached = before;
      before += sums[block];
    }
  }
  __syncthreads();
  for (int64_t i = threadIdx.x; i < kBlock; i += blockDim.x) {
    weights[i] = begin + i < columns ? weight(begin + i) : 0.0f;
  }
  __syncthreads();
  int64_t last = begin;
  if (threadIdx.x == 0) {
    double sum = reached;
    for (int64_t i = 0; i < kBlock; ++i) {
      if (weights[i] == 0) continue;
      last = begin + i;
      sum += static_cast<double>(weights[i]);
      if (sum > target) break;
    }
  }
  return last;
}

// Block r: row r. The result is thread 0's.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    draw_tokens(Rows<const T> logits, DrawSettings settings, const double* uniforms, double* sums, int32_t* tokens,
                bool aligned) {
  const Row<T> row{logits[blockIdx.x], logits.columns, aligned};
  // The largest, and of equals the first.
  uint64_t best = 0;
  bool finite = true;
  row.for_each([&](int64_t column, float logit) {
    finite = finite && is_finite(logit);
    best = LargerKey()(best, uint64_t{key_of<T>(logit)} << 32 | (0xFFFFFFFFU - static_cast<uint32_t>(column)));
  });
  best = block_reduce<LargerKey>(best, uint64_t{0});
  int64_t token = -1;
  // The same for all threads.
  if (__syncthreads_or(finite ? 0 : 1) == 0) {
    token = 0xFFFFFFFFU - static_cast<uint32_t>(best);
    if (!settings.greedy) {
      const auto largest = static_cast<uint32_t>(best >> 32);
      Cut kept;
      if (settings.top_k > 0 && settings.top_k < row.columns) kept = cut_to_count(row, largest, settings.top_k);
      if (settings.top_p < 1) kept = cut_to_mass(row, kept, largest, settings.scale, settings.top_p);
      const auto weight = [&](int64_t column) {
        const auto logit = static_cast<float>(row.data[column]);
        return kept.keeps(key_of<T>(logit), column) ? draw_weight(logit, logit_of<T>(largest), settings.scale) : 0.0f;
      };
      const int64_t num_blocks = num_draw_blocks(row.columns);
      token = place_of_mass(row.columns, weight, uniforms[blockIdx.x], sums + blockIdx.x * num_blocks);
    }
  }
  if (threadIdx.x == 0) tokens[blockIdx.x] = static_cast<int32_t>(token);
}

}  // namespace

template <typename T, typename Platform>
void CudaSampler<T, Platform>::draw(Rows<const T> logits, const DrawSettings& settings, const double* uniforms,
                                    double* sums, int32_t* tokens, cudaStream_t stream) {
  launch(draw_tokens<T>, blocks(logits.count), kThreads, stream, logits, settings, uniforms, sums, tokens,
         is_aligned<kWidth<T>>(logits));
}

template struct CudaSampler<float, CUDA_PLATFORM>;
template struct CudaSampler<c10::BFloat16, CUDA_PLATFORM>;

}  // namespace mmpo
