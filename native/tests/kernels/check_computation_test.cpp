// The check finds a device that computes well, and says what of it does not; on the CPU, on a GPU where tests run on one, and the
// GPU's way with a flash attention that is missing or wrong.
#include "kernels/check_computation.h"

#include <gtest/gtest.h>

#include "common/error.h"
#include "cuda/emulated_flash.h"
#include "cuda/emulated_products.h"
#include "cuda/gpu_way.h"
#include "test_device.h"

namespace mmpo {
namespace {

using testing::flash_fault;
using testing::FlashFault;
using testing::GpuWay;
using testing::scaled_products_are_wrong;

TEST(CheckComputation, PassesWhereTestsRun) { EXPECT_NO_THROW(check_computation(testing::test_device())); }

class CheckComputationTheGpusWay : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda_is_built()) GTEST_SKIP() << "this program has the CUDA side itself: MMPO_TEST_DEVICE=cuda runs it";
  }
  void TearDown() override { flash_fault() = FlashFault::kNone; }

  static std::string problem(FlashFault fault) {
    flash_fault() = fault;
    const GpuWay way;
    try {
      check_computation(at::kCPU);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), MMPO_INTERNAL);
      return error.what();
    }
    return "";
  }
};

TEST_F(CheckComputationTheGpusWay, Passes) { EXPECT_EQ(problem(FlashFault::kNone), ""); }

TEST_F(CheckComputationTheGpusWay, ALibTorchWithoutFlashAttentionIsNamed) {
  EXPECT_EQ(problem(FlashFault::kNotBuilt).find("attention in bfloat16 failed: USE_FLASH_ATTENTION was not enabled"),
            0U);
}

TEST_F(CheckComputationTheGpusWay, WrongResultsAreRefused) {
  EXPECT_EQ(problem(FlashFault::kWrong).find("attention in bfloat16 is wrong by "), 0U);
}

TEST_F(CheckComputationTheGpusWay, AWrongProductOfFp8IsRefused) {
  scaled_products_are_wrong() = true;
  const std::string found = problem(FlashFault::kNone);
  scaled_products_are_wrong() = false;
  EXPECT_EQ(found.find("a product of fp8 matrices is wrong by "), 0U) << found;
}

TEST_F(CheckComputationTheGpusWay, ADecodingThatSeesTheWholeCacheIsRefused) {
  EXPECT_EQ(problem(FlashFault::kSeesWholeCache).find("attention over cached keys in bfloat16 is wrong by "), 0U);
}

}  // namespace
}  // namespace mmpo
