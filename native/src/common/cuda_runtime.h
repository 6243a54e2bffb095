// What the core asks CUDA's runtime and LibTorch's CUDA side for. Plain C++ without CUDA's headers may read this one.
#pragma once

#include <cstdint>
#include <string>

#include "common/cuda_api.h"

// As CUDA's runtime declares it.
struct CUstream_st;
using cudaStream_t = CUstream_st*;

namespace mmpo {

// What a kernel's source is compiled for: nvcc's threads, or fibers of the tests (../../tests/cuda/emulator.h).
struct Gpu;
struct EmulatedGpu;

// The current device's stream that LibTorch queues on, too.
MMPO_CUDA_API cudaStream_t cuda_stream();

// Why CUDA cannot be used in this process, as its runtime says it ("no CUDA-capable device is detected"); empty where it can.
MMPO_CUDA_API std::string cuda_problem();

struct GpuProperties {
  std::string name;
  int64_t memory_bytes;
  int32_t major, minor;  // compute capability
  int32_t num_multiprocessors;
  int32_t runtime_version, driver_version;  // 1000 * major + 10 * minor
};
MMPO_CUDA_API GpuProperties gpu_properties(int32_t index);

}  // namespace mmpo
