// What a kernel runs on: CUDA, or the tests' emulation of it. CUDA_PLATFORM is the tag that the members here belong to.
#pragma once

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "kernels/cuda_kernels.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#define CUDA_PLATFORM Gpu
#else
#include <bit>

#include "cuda/emulator.h"
#define CUDA_PLATFORM EmulatedGpu
#endif

namespace mmpo {
namespace {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFF;

// The bits of a float, and the float of bits.
__device__ __forceinline__ uint32_t as_bits(float value) {
#ifdef __CUDACC__
  return __float_as_uint(value);
#else
  return std::bit_cast<uint32_t>(value);
#endif
}
__device__ __forceinline__ float as_float(uint32_t bits) {
#ifdef __CUDACC__
  return __uint_as_float(bits);
#else
  return std::bit_cast<float>(bits);
#endif
}

// Both rounded to the nearest bfloat16, ties to even: the first in the lower half.
__device__ __forceinline__ uint32_t round_to_bfloat16(float first, float second) {
#ifdef __CUDACC__
  const __nv_bfloat162 both = __floats2bfloat162_rn(first, second);
  return *reinterpret_cast<const uint32_t*>(&both);
#else
  return c10::BFloat16(first).x | static_cast<uint32_t>(c10::BFloat16(second).x) << 16;
#endif
}

// Queues kernel(arguments...) for `threads` threads in each block of the grid; an empty grid is nothing to do.
template <typename... Parameters>
void launch(void (*kernel)(Parameters...), dim3 grid, int64_t threads, cudaStream_t stream,
            std::type_identity_t<Parameters>... arguments) {
  if (grid.x == 0 || grid.y == 0) return;
#ifdef __CUDACC__
  kernel<<<grid, static_cast<unsigned>(threads), 0, stream>>>(arguments...);
  const cudaError_t status = cudaGetLastError();
  TORCH_CHECK(status == cudaSuccess, "a CUDA kernel could not be launched with ", grid.x, " x ", grid.y, " blocks of ",
              threads, " threads: ", cudaGetErrorString(status));
#else
  static_cast<void>(stream);
  emulator::run(grid, static_cast<unsigned>(threads), [&] { kernel(arguments...); });
#endif
}

inline int64_t multiprocessors() {
#ifdef __CUDACC__
  int device = 0, count = 0;
  cudaError_t status = cudaGetDevice(&device);
  if (status == cudaSuccess) status = cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device);
  TORCH_CHECK(status == cudaSuccess, "the CUDA device cannot be asked for its size: ", cudaGetErrorString(status));
  return count;
#else
  return emulator::multiprocessors();
#endif
}

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A grid of columns x rows blocks.
inline dim3 blocks(int64_t x, int64_t y = 1) {
  TORCH_CHECK(x <= INT32_MAX && y <= 65535, "CUDA takes no grid of ", x, " x ", y, " blocks");
  return {static_cast<unsigned>(x), static_cast<unsigned>(y), 1};
}

// Threads for so many pieces of work: whole warps, at most `most`.
inline int64_t threads_for(int64_t pieces, int64_t most) {
  return std::clamp<int64_t>(ceil_div(pieces, kWarp) * kWarp, kWarp, most);
}

}  // namespace
}  // namespace mmpo
