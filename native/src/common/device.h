// Where tensors live: the CPU, or the first GPU where the CUDA side is linked and CUDA's runtime finds one.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace mmpo {

// Whether this library has the CUDA side.
bool cuda_is_built();

// Why CUDA cannot be used here: the library has no CUDA side, no driver, no GPU. Empty where it can.
std::string cuda_is_missing();

// An mmpo_device as LibTorch's. Throws Error(MMPO_INVALID_ARGUMENT) for one that is unknown or cannot be used, saying why.
at::Device device_of(int32_t device);

// One line about the GPU, which must be there: name, memory, compute capability, versions.
std::string describe_gpu();

}  // namespace mmpo
