// An allocator of a device that behaves as CUDA's does: it refuses to speak of the device before its first use, and a workspace there
// holds nothing itself.
#pragma once

#include <c10/core/CachingDeviceAllocator.h>

namespace mmpo::testing {

class LazyAllocator : public c10::DeviceAllocator {
 public:
  bool is_initialized = false;
  // Of all pools: what it took from the device, and what was asked of it.
  c10::CachingAllocator::Stat reserved, requested;

  // Of a device that no library of LibTorch brings, anew.
  static at::Device device() { return {at::DeviceType::PrivateUse1, 0}; }
  static LazyAllocator& installed() {
    static LazyAllocator allocator;
    allocator.is_initialized = false;
    allocator.reserved = allocator.requested = {};
    c10::SetAllocator(device().type(), &allocator);
    return allocator;
  }

  bool initialized() override { return is_initialized; }
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex device) override {
    TORCH_CHECK(is_initialized && device == 0, "Invalid device argument ", device, ": did you call init?");
    c10::CachingDeviceAllocator::DeviceStats stats;
    stats.reserved_bytes[0] = reserved;
    stats.requested_bytes[0] = requested;
    return stats;
  }
  c10::DataPtr allocate(size_t) override { TORCH_CHECK(false, "nothing is allocated here"); }
  void copy_data(void*, const void*, size_t) const override {}
  void emptyCache(c10::MempoolId_t) override {}
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  void resetAccumulatedStats(c10::DeviceIndex) override {}
  void resetPeakStats(c10::DeviceIndex) override { requested.peak = requested.current; }
};

}  // namespace mmpo::testing
