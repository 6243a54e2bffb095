#include "common/workspace.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <new>
#include <vector>

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

// A batch system's ulimit -v. The limit cannot be taken back, so a process of its own has it.
TEST(WorkspaceDeathTest, TwoOfThemAndOthersShareTheAddressesThatAProcessMayHave) {
  const auto allocate = [] {
    int64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t bytes = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE)) + (rlim_t{1} << 30);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
    if (setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(1);
    Workspace policy;
    Workspace reference;
    policy.allocate({int64_t{200} << 20}, at::kByte);
    reference.allocate({int64_t{100} << 20}, at::kByte);
    const std::vector<char> other(size_t{100} << 20);
    std::_Exit(other.back() == 0 ? 0 : 1);
  };
  EXPECT_EXIT(allocate(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace mmpo
