// The GPU's way through the engine on the CPU's memory, for a scope: kernels as fibers (emulated_gpu.cpp), flash attention by a
// stand-in (emulated_flash.cpp). In mmpo_tests alone.
#pragma once

#include <ATen/Context.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <optional>

#include "common/device.h"

namespace mmpo::testing {

class GpuWay {
 public:
  explicit GpuWay(bool taken = true) : has_mkldnn_(at::globalContext().userEnabledMkldnn()) {
    emulates_gpu() = taken;
    if (!taken) return;
    // Products stand in for cuBLAS's. On AMX oneDNN's in bfloat16 read one element beyond rows of an odd number of them, and where that is
    // NaN, as memory that nothing was written to may be, so is the sum.
    at::globalContext().setUserEnabledMkldnn(false);
    products_.emplace(c10::DispatchKey::TESTING_ONLY_GenericWrapper);
  }
  ~GpuWay() {
    emulates_gpu() = false;
    at::globalContext().setUserEnabledMkldnn(has_mkldnn_);
  }
  GpuWay(const GpuWay&) = delete;
  GpuWay& operator=(const GpuWay&) = delete;

 private:
  bool has_mkldnn_;
  std::optional<c10::impl::IncludeDispatchKeyGuard> products_;  // emulated_products.cpp
};

}  // namespace mmpo::testing
