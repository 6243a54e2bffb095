// The GPU's way through the engine on the CPU's memory, for a scope: kernels as fibers (emulated_gpu.cpp), flash attention by a
// stand-in (emulated_flash.cpp). In mmpo_tests alone.
#pragma once

#include "common/device.h"

namespace mmpo::testing {

class GpuWay {
 public:
  explicit GpuWay(bool taken = true) { emulates_gpu() = taken; }
  ~GpuWay() { emulates_gpu() = false; }
  GpuWay(const GpuWay&) = delete;
  GpuWay& operator=(const GpuWay&) = delete;
};

}  // namespace mmpo::testing
