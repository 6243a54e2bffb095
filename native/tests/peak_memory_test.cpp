// What other tests measure memory with, where no GPU is: on one the workspace holds nothing, and the allocator is asked.
#include "peak_memory.h"

#include <gtest/gtest.h>

#include "lazy_allocator.h"

namespace mmpo::testing {
namespace {

TEST(PeakMemoryOfTests, IsTheAllocatorsOnADevice) {
  LazyAllocator& allocator = LazyAllocator::installed();
  allocator.is_initialized = true;
  allocator.requested.current = 100;
  allocator.requested.peak = 1000;
  const Workspace workspace(LazyAllocator::device());
  const PeakMemory peak(workspace);
  EXPECT_EQ(peak.bytes(), 0) << "what was held before is not counted";
  allocator.requested.peak = 350;
  EXPECT_EQ(peak.bytes(), 250);
}

TEST(PeakMemoryOfTests, IsTheWorkspacesOnTheCpu) {
  Workspace workspace;
  const PeakMemory peak(workspace);
  workspace.allocate({1000}, at::kFloat);
  EXPECT_GE(peak.bytes(), 4000);
}

}  // namespace
}  // namespace mmpo::testing
