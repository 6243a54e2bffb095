// Whether a device computes at all, and what it should, before a run depends on it: a build of LibTorch without flash attention, or
// for other GPUs, loads like any other.
#pragma once

#include <c10/core/Device.h>

namespace mmpo {

// A matrix product and an attention of a few rows in bfloat16, and a product in fp8 where the device has them, forward and backward,
// against the same in float32 on the CPU. Throws Error(MMPO_INTERNAL) that says which of them failed, with LibTorch's words, or by how
// much it is wrong.
void check_computation(at::Device device);

}  // namespace mmpo
