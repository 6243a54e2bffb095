// Sums and maxima over the threads of a warp or a block, in an order that depends on nothing but the block's size. Every
// thread takes part and gets the result.
#pragma once

#include "cuda/platform.cuh"

namespace mmpo {
namespace {

// Larger of the two; the other one where one is NaN.
__device__ __forceinline__ float larger(float a, float b) { return fmaxf(a, b); }

struct Sum {
  template <typename T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct Max {
  __device__ __forceinline__ float operator()(float a, float b) const { return larger(a, b); }
};

template <typename Operation, typename T>
__device__ __forceinline__ T warp_reduce(T value) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value = Operation()(value, __shfl_xor_sync(kAllLanes, value, distance));
  }
  return value;
}

// neutral: what changes no result.
template <typename Operation, typename T>
__device__ __forceinline__ T block_reduce(T value, T neutral) {
  __shared__ T of_warp[kWarp];
  const unsigned lane = threadIdx.x % kWarp;
  value = warp_reduce<Operation>(value);
  if (lane == 0) of_warp[threadIdx.x / kWarp] = value;
  __syncthreads();
  value = warp_reduce<Operation>(lane < blockDim.x / kWarp ? of_warp[lane] : neutral);
  // The next reduction may write while this one is read.
  __syncthreads();
  return value;
}

template <typename T>
__device__ __forceinline__ T warp_sum(T value) {
  return warp_reduce<Sum>(value);
}
__device__ __forceinline__ float warp_max(float value) { return warp_reduce<Max>(value); }

template <typename T>
__device__ __forceinline__ T block_sum(T value) {
  return block_reduce<Sum>(value, T(0));
}
__device__ __forceinline__ float block_max(float value) { return block_reduce<Max>(value, value); }

}  // namespace
}  // namespace mmpo
