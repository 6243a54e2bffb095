// What is asked of LibTorch's allocator of a device, of one that behaves as CUDA's does.
#include "common/device.h"

#include <gtest/gtest.h>

#include "lazy_allocator.h"

namespace mmpo {
namespace {

using testing::LazyAllocator;

TEST(PeakBytes, AreZeroBeforeTheAllocatorsFirstUse) {
  LazyAllocator& allocator = LazyAllocator::installed();
  EXPECT_EQ(peak_bytes(LazyAllocator::device()), 0);
  allocator.is_initialized = true;
  allocator.reserved.peak = int64_t{5} << 30;
  allocator.requested.peak = int64_t{2} << 30;
  EXPECT_EQ(peak_bytes(LazyAllocator::device()), int64_t{5} << 30);
}

TEST(PeakBytes, OfTheCpuAreNone) { EXPECT_EQ(peak_bytes(at::kCPU), 0); }

}  // namespace
}  // namespace mmpo
