// Where tensors live: the CPU, or the first GPU where the CUDA side is linked and CUDA's runtime finds one; and their way there.
// What crosses goes through pinned memory and is queued on the device's stream, so that the host need not wait for it.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mmpo/types.h"

namespace mmpo {

using at::Tensor;

// Whether this library has the CUDA side.
bool cuda_is_built();

// Why CUDA cannot be used here: the library has no CUDA side, no driver, no GPU. Empty where it can.
std::string cuda_is_missing();

// Whether what lies on this device is computed the GPU's way. In tests that set emulates_gpu() the CPU's memory is, too: with
// kernels that run as fibers (tests/cuda/emulated_gpu.cpp).
bool is_gpu(at::Device device);
bool& emulates_gpu();

// An mmpo_device as LibTorch's. Throws Error(MMPO_INVALID_ARGUMENT) for one that is unknown or cannot be used, saying why.
at::Device device_of(int32_t device);

// One line about the GPU, which must be there: name, memory, compute capability, versions.
std::string describe_gpu();

// The most memory that LibTorch's allocator has held there at once: 0 for the CPU, and before anything was computed there.
int64_t peak_bytes(at::Device device);

// The values as a tensor there: int64, int32, float32 or float64.
template <typename T>
Tensor to_device(const std::vector<T>& values, at::Device device);

// A copy of a tensor on the host, queued where it is made and there after wait(). The work that is queued in between is not
// waited for. Of a CPU tensor: itself.
class HostCopy {
 public:
  explicit HostCopy(const Tensor& x);
  const Tensor& wait();

 private:
  Tensor copy_;
  std::optional<c10::Event> event_;
};

}  // namespace mmpo
