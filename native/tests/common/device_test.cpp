// What is asked of LibTorch's allocator of a device, of one that behaves as CUDA's does.
#include "common/device.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <gtest/gtest.h>

namespace mmpo {
namespace {

// Refuses to speak of a device before its first use, as CUDA's does.
class LazyAllocator : public c10::DeviceAllocator {
 public:
  bool is_initialized = false;
  int64_t peak = 0;

  bool initialized() override { return is_initialized; }
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex device) override {
    TORCH_CHECK(is_initialized && device == 0, "Invalid device argument ", device, ": did you call init?");
    c10::CachingDeviceAllocator::DeviceStats stats;
    stats.reserved_bytes[0].peak = peak;
    stats.allocated_bytes[0].peak = peak / 2;
    return stats;
  }
  c10::DataPtr allocate(size_t) override { TORCH_CHECK(false, "nothing is allocated here"); }
  void copy_data(void*, const void*, size_t) const override {}
  void emptyCache(c10::MempoolId_t) override {}
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  void resetAccumulatedStats(c10::DeviceIndex) override {}
  void resetPeakStats(c10::DeviceIndex) override {}
};

// A device that no library of LibTorch brings.
constexpr auto kOther = c10::DeviceType::PrivateUse1;

TEST(PeakBytes, AreZeroBeforeTheAllocatorsFirstUse) {
  static LazyAllocator allocator;
  c10::SetAllocator(kOther, &allocator);
  EXPECT_EQ(peak_bytes({kOther, 0}), 0);
  allocator.is_initialized = true;
  allocator.peak = int64_t{5} << 30;
  EXPECT_EQ(peak_bytes({kOther, 0}), int64_t{5} << 30);
}

TEST(PeakBytes, OfTheCpuAreNone) { EXPECT_EQ(peak_bytes(at::kCPU), 0); }

}  // namespace
}  // namespace mmpo
