#include "common/workspace.h"

#include <gtest/gtest.h>

#include <new>

#include "resident_memory.h"

namespace mmpo {
namespace {

TEST(Workspace, GrowsWhereItIs) {
  Workspace workspace;
  Tensor first = workspace.allocate({3, 5}, at::kFloat);
  first.fill_(7);
  const Tensor second = workspace.allocate({int64_t{40} << 20}, at::kByte);
  EXPECT_EQ(second.const_data_ptr<uint8_t>(), static_cast<const uint8_t*>(first.const_data_ptr()) + 64);
  EXPECT_EQ(first.sum().item<float>(), 105);
  EXPECT_EQ(second.sum().item<int64_t>(), 0);
}

TEST(Workspace, AScopeGivesBackAndTheMemoryStays) {
  Workspace workspace;
  workspace.allocate({1}, at::kFloat);
  const void* inner = nullptr;
  for (int i = 0; i < 3; ++i) {
    const WorkspaceScope scope(workspace);
    const Tensor tensor = workspace.allocate({1000}, at::kDouble);
    EXPECT_TRUE(i == 0 || tensor.const_data_ptr() == inner);
    inner = tensor.const_data_ptr();
  }
  const int64_t bytes = workspace.bytes();
  workspace.reset();
  workspace.allocate({1000}, at::kDouble);
  EXPECT_EQ(workspace.bytes(), bytes);
}

TEST(Workspace, OnlyWhatIsTouchedIsResident) {
  Workspace workspace;
  const int64_t before = testing::resident_bytes();
  Tensor large = workspace.allocate({int64_t{1} << 30}, at::kByte);
  EXPECT_LT(testing::resident_bytes() - before, int64_t{64} << 20);
  large.narrow(0, 0, int64_t{128} << 20).fill_(1);
  EXPECT_GT(testing::resident_bytes() - before, int64_t{120} << 20);
}

TEST(Workspace, MoreThanTheMachineHasIsRefusedAndChangesNothing) {
  Workspace workspace;
  Tensor kept = workspace.allocate({100}, at::kFloat);
  kept.fill_(1);
  EXPECT_THROW(workspace.allocate({int64_t{1} << 50}, at::kByte), std::bad_alloc);
  EXPECT_EQ(kept.sum().item<float>(), 100);
  EXPECT_EQ(workspace.allocate({1}, at::kFloat).const_data_ptr(),
            static_cast<const uint8_t*>(kept.const_data_ptr()) + 448);
}

}  // namespace
}  // namespace mmpo
