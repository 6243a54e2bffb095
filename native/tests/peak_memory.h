// The most memory that a model's computations hold at once from here on: what its workspace grows to, and on a GPU, where it has
// none, what is asked of LibTorch's allocator beyond what is held now.
#pragma once

#include <c10/core/CachingDeviceAllocator.h>

#include "model/model.h"

namespace mmpo::testing {

class PeakMemory {
 public:
  explicit PeakMemory(Model& model) : model_(model) {
    if (model.device().is_cpu()) return;
    allocator().resetPeakStats(model.device().index());
    held_ = requested().current;
  }

  int64_t bytes() const { return model_.device().is_cpu() ? model_.workspace().bytes() : requested().peak - held_; }

 private:
  c10::DeviceAllocator& allocator() const { return *c10::getDeviceAllocator(model_.device().type()); }
  // Not what it gave: that depends on the blocks which it had.
  c10::CachingAllocator::Stat requested() const {
    return allocator().getDeviceStats(model_.device().index()).requested_bytes[0];
  }

  Model& model_;
  int64_t held_ = 0;
};

}  // namespace mmpo::testing
