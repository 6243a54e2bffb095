#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "common/cuda_runtime.h"

namespace mmpo {

cudaStream_t cuda_stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

std::string cuda_problem() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) {
    cudaGetLastError();  // or the next check of another call would report it
    return cudaGetErrorString(error);
  }
  return count == 0 ? "no GPU is visible" : "";
}

GpuProperties gpu_properties(int32_t index) {
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, index));
  GpuProperties result{properties.name,
                       static_cast<int64_t>(properties.totalGlobalMem),
                       properties.major,
                       properties.minor,
                       properties.multiProcessorCount,
                       0,
                       0};
  C10_CUDA_CHECK(cudaRuntimeGetVersion(&result.runtime_version));
  C10_CUDA_CHECK(cudaDriverGetVersion(&result.driver_version));
  return result;
}

}  // namespace mmpo
