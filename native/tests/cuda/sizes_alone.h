// A training step for its sizes' sake: memory is addresses alone, and nothing is computed in it. So a model of any size takes all
// of its way through the engine, and what it asks of the allocator can be counted (emulated_memory.h), where neither
// that memory nor the time is. In mmpo_tests alone.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace mmpo::testing {

// Whether the stand-ins for a GPU compute: not while a SizesAlone lives.
bool computes();

// One at a time, around all that is made of such memory.
class SizesAlone {
 public:
  SizesAlone();
  ~SizesAlone();
  SizesAlone(const SizesAlone&) = delete;
  SizesAlone& operator=(const SizesAlone&) = delete;

 private:
  c10::Allocator* before_;
  // LibTorch's operations that write, met by ones that do not.
  c10::impl::IncludeDispatchKeyGuard operations_;
};

}  // namespace mmpo::testing
