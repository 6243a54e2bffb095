#include "common/device.h"

#include <sstream>

#include "common/error.h"
#include "cuda/runtime.h"

namespace mmpo {

bool cuda_is_built() { return &cuda_stream != nullptr; }

std::string cuda_is_missing() {
  if (!cuda_is_built()) {
    return "this build of the native core has no CUDA side (build with -DMMPO_CUDA=ON; with Maven: -Pcuda)";
  }
  return cuda_problem();
}

at::Device device_of(int32_t device) {
  if (device == MMPO_CPU) return at::kCPU;
  require(device == MMPO_CUDA, "device must be MMPO_CPU or MMPO_CUDA, got ", device);
  const std::string missing = cuda_is_missing();
  require(missing.empty(), "a CUDA device is wanted, but ", missing);
  return {at::kCUDA, 0};
}

std::string describe_gpu() {
  const GpuProperties gpu = gpu_properties(0);
  std::ostringstream text;
  text << gpu.name << ", " << gpu.memory_bytes / (int64_t{1} << 30) << " GiB, compute capability " << gpu.major << '.'
       << gpu.minor << ", CUDA " << gpu.runtime_version / 1000 << '.' << gpu.runtime_version % 1000 / 10
       << " (driver for " << gpu.driver_version / 1000 << '.' << gpu.driver_version % 1000 / 10 << ')';
  return text.str();
}

}  // namespace mmpo
