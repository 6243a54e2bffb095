// The most memory that a model's computations hold at once from here on: what its workspace grows to, and on a GPU, where it has
// none, what is asked of LibTorch's allocator beyond what is held now.
#pragma once

#include <c10/core/CachingDeviceAllocator.h>

#include "model/model.h"

namespace mmpo::testing {

class PeakMemory {
 public:
  explicit PeakMemory(Model& model) : PeakMemory(model.workspace()) {}
  explicit PeakMemory(const Workspace& workspace) : workspace_(workspace) {
    if (workspace_.device().is_cpu()) return;
    allocator().resetPeakStats(workspace_.device().index());
    held_ = requested().current;
  }

  int64_t bytes() const { return workspace_.device().is_cpu() ? workspace_.bytes() : requested().peak - held_; }

 private:
  c10::DeviceAllocator& allocator() const { return *c10::getDeviceAllocator(workspace_.device().type()); }
  // Not what it gave: that depends on the blocks which it had.
  c10::CachingAllocator::Stat requested() const {
    return allocator().getDeviceStats(workspace_.device().index()).requested_bytes[0];
  }

  const Workspace& workspace_;
  int64_t held_ = 0;
};

}  // namespace mmpo::testing
