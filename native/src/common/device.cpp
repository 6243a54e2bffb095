#include "common/device.h"

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <sstream>

#include "common/cuda_runtime.h"
#include "common/error.h"

namespace mmpo {

bool cuda_is_built() { return &cuda_problem != nullptr; }

bool& emulates_gpu() {
  static bool emulates = false;
  return emulates;
}

bool is_gpu(at::Device device) { return !device.is_cpu() || emulates_gpu(); }

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
  // Sums of products of bfloat16 stay float32 where cuBLAS splits them, too.
  at::globalContext().setAllowBF16ReductionCuBLAS(false);
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

int64_t peak_bytes(at::Device device) {
  if (device.is_cpu()) return 0;
  c10::DeviceAllocator* allocator = c10::getDeviceAllocator(device.type());
  // Before its first use it knows no device, and refuses to speak of one.
  if (!allocator->initialized()) return 0;
  constexpr auto kAllPools = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return allocator->getDeviceStats(device.index()).reserved_bytes[kAllPools].peak;
}

template <typename T>
Tensor to_device(const std::vector<T>& values, at::Device device) {
  const Tensor host = at::tensor(values, c10::CppTypeToScalarType<T>::value);
  return device.is_cpu() ? host : host.pin_memory().to(device, host.scalar_type(), true);
}

template Tensor to_device(const std::vector<int64_t>&, at::Device);
template Tensor to_device(const std::vector<int32_t>&, at::Device);
template Tensor to_device(const std::vector<float>&, at::Device);
template Tensor to_device(const std::vector<double>&, at::Device);

HostCopy::HostCopy(const Tensor& x) : copy_(x) {
  if (x.device().is_cpu()) return;
  copy_ = at::empty(x.sizes(), at::TensorOptions().dtype(x.scalar_type()).pinned_memory(true));
  copy_.copy_(x, true);
  event_.emplace(x.device().type());
  event_->record(c10::impl::VirtualGuardImpl(x.device().type()).getStream(x.device()));
}

const Tensor& HostCopy::wait() {
  if (event_) event_->synchronize();
  return copy_;
}

}  // namespace mmpo
