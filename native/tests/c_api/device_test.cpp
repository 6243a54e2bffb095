// Devices at the C ABI: what they say of themselves, and a model's contents copied from and to the one that tests run on.
#include <numeric>

#include "c_api/c_api_testing.h"
#include "cuda/emulated_flash.h"
#include "cuda/gpu_way.h"
#include "test_device.h"

namespace mmpo::testing {
namespace {

class DeviceCApi : public CApi {
 protected:
  int32_t device() const override { return test_device().is_cpu() ? MMPO_CPU : MMPO_CUDA; }

  std::vector<float> read(int32_t state, int64_t index, size_t count) {
    std::vector<float> values(count);
    EXPECT_EQ(mmpo_trainer_read(trainer_, state, index, values.data(), &err_), MMPO_OK) << err_.message;
    return values;
  }
};

TEST(Device, TheCpuIsAlwaysThere) {
  mmpo_device_info info{};
  mmpo_error err{};
  ASSERT_EQ(mmpo_device_describe(MMPO_CPU, &info, &err), MMPO_OK) << err.message;
  EXPECT_EQ(info.is_built, 1);
  EXPECT_STREQ(info.problem, "");
  const std::string instructions = info.description;
  EXPECT_TRUE(instructions.starts_with("AVX") || instructions == "AMX") << instructions;
  EXPECT_EQ(info.bf16_is_faster, instructions == "AMX" || instructions == "AVX512_BF16" ? 1 : 0) << instructions;
  EXPECT_NE(std::string(mmpo_build_info()).find("CPU capability " + instructions), std::string::npos);
}

TEST(Device, CudaIsDescribedOrSaysWhatIsMissing) {
  mmpo_device_info info{};
  mmpo_error err{};
  ASSERT_EQ(mmpo_device_describe(MMPO_CUDA, &info, &err), MMPO_OK) << err.message;
  EXPECT_EQ(info.is_built, cuda_is_built() ? 1 : 0);
  EXPECT_NE(std::string(info.problem).empty(), std::string(info.description).empty());
  if (cuda_is_built()) return;
  EXPECT_NE(std::string(info.problem).find("-DMMPO_CUDA=ON"), std::string::npos) << info.problem;
}

TEST(Device, UnknownOnesAreRefused) {
  mmpo_device_info info{};
  mmpo_error err{};
  expect_failure(mmpo_device_describe(7, &info, &err), err, MMPO_INVALID_ARGUMENT, {"MMPO_CPU or MMPO_CUDA", "7"});
  expect_failure(mmpo_device_describe(MMPO_CPU, nullptr, &err), err, MMPO_INVALID_ARGUMENT, {"out_info"});
}

TEST(Device, PeakBytesAreOfADeviceThatComputes) {
  int64_t bytes = -1;
  mmpo_error err{};
  ASSERT_EQ(mmpo_device_peak_bytes(MMPO_CPU, &bytes, &err), MMPO_OK) << err.message;
  EXPECT_EQ(bytes, 0);
  ASSERT_EQ(mmpo_device_peak_bytes(MMPO_CUDA, &bytes, &err), MMPO_OK) << err.message;
  EXPECT_TRUE(bytes == 0 || cuda_is_missing().empty()) << bytes;
  expect_failure(mmpo_device_peak_bytes(MMPO_CPU, nullptr, &err), err, MMPO_INVALID_ARGUMENT, {"out_bytes"});
  expect_failure(mmpo_device_peak_bytes(7, &bytes, &err), err, MMPO_INVALID_ARGUMENT, {"MMPO_CPU or MMPO_CUDA", "7"});
}

TEST(Device, ChecksWhatItComputes) {
  mmpo_error err{};
  EXPECT_EQ(mmpo_device_check(MMPO_CPU, &err), MMPO_OK) << err.message;
  if (cuda_is_missing().empty()) {
    EXPECT_EQ(mmpo_device_check(MMPO_CUDA, &err), MMPO_OK) << err.message;
  } else {
    expect_failure(mmpo_device_check(MMPO_CUDA, &err), err, MMPO_INVALID_ARGUMENT, {cuda_is_missing()});
  }
}

TEST(Device, ThatComputesWronglyIsAnError) {
  if (cuda_is_built()) GTEST_SKIP() << "this program has the CUDA side itself";
  mmpo_error err{};
  const GpuWay way;
  flash_fault() = FlashFault::kWrong;
  expect_failure(mmpo_device_check(MMPO_CPU, &err), err, MMPO_INTERNAL, {"attention in bfloat16 is wrong by"});
  flash_fault() = FlashFault::kNone;
}

TEST_F(DeviceCApi, CreationOnAMissingGpuSaysWhatIsMissing) {
  if (cuda_is_missing().empty()) GTEST_SKIP() << "there is a GPU";
  mmpo_model* model = nullptr;
  expect_failure(
      mmpo_model_create(&config_, weights_.tensors().data(), num_tensors(), MMPO_FLOAT32, MMPO_CUDA, &model, &err_),
      err_, MMPO_INVALID_ARGUMENT, {"a CUDA device is wanted, but", cuda_is_missing()});
  EXPECT_EQ(model, nullptr);
}

TEST_F(DeviceCApi, AttentionIsDescribed) {
  const char* text = nullptr;
  ASSERT_EQ(mmpo_model_attention(model_, &text, &err_), MMPO_OK) << err_.message;
  EXPECT_NE(std::string(text).find(test_device().is_cpu() ? "on the CPU" : "takes bfloat16"), std::string::npos)
      << text;
}

TEST_F(DeviceCApi, ReadsTheWeightsThatWereGiven) {
  for (int64_t index = 0; index < num_tensors(); ++index) {
    const Tensor& given = weights_.values(static_cast<size_t>(index));
    std::vector<float> found(static_cast<size_t>(given.numel()));
    ASSERT_EQ(mmpo_model_read(model_, 0, index, found.data(), &err_), MMPO_OK) << err_.message;
    EXPECT_TRUE(std::equal(found.begin(), found.end(), given.const_data_ptr<float>())) << index;
  }
  std::vector<float> none(1);
  expect_failure(mmpo_model_read(model_, 1, 0, none.data(), &err_), err_, MMPO_INVALID_ARGUMENT, {"no adapter"});
  expect_failure(mmpo_model_read(model_, 0, num_tensors(), none.data(), &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"parameter"});
}

TEST_F(DeviceCApi, WhatIsWrittenIsReadAndTrainedOn) {
  const auto count = static_cast<size_t>(weights_.values(0).numel());
  std::vector<float> written(count);
  std::iota(written.begin(), written.end(), 1.0f);
  ASSERT_EQ(mmpo_trainer_write(trainer_, MMPO_STATE_OPTIMIZER, 0, written.data(), &err_), MMPO_OK) << err_.message;
  EXPECT_EQ(read(MMPO_STATE_OPTIMIZER, 0, count), written);
  ASSERT_EQ(mmpo_trainer_write(trainer_, MMPO_STATE_PARAMETERS, 0, written.data(), &err_), MMPO_OK) << err_.message;
  ASSERT_EQ(mmpo_trainer_restore(trainer_, 3, &err_), MMPO_OK) << err_.message;
  EXPECT_EQ(read(MMPO_STATE_PARAMETERS, 0, count), written);
  std::vector<float> weights(count);
  ASSERT_EQ(mmpo_model_read(model_, 0, 0, weights.data(), &err_), MMPO_OK) << err_.message;
  EXPECT_EQ(weights, written);
}

TEST_F(DeviceCApi, AStepChangesWhatIsRead) {
  const auto count = static_cast<size_t>(weights_.values(0).numel());
  const std::vector<float> before = read(MMPO_STATE_PARAMETERS, 0, count);
  std::vector<double> losses(2), logps(4), rewards(4);
  ASSERT_EQ(mmpo_trainer_accumulate(trainer_, &batch_, &objective_, ref_logps_.data(), nullptr, losses.data(),
                                    logps.data(), rewards.data(), &err_),
            MMPO_OK)
      << err_.message;
  double norm = 0;
  ASSERT_EQ(mmpo_trainer_step(trainer_, 1e-2, 1, &norm, &err_), MMPO_OK) << err_.message;
  EXPECT_GT(norm, 0);
  EXPECT_NE(read(MMPO_STATE_PARAMETERS, 0, count), before);
  ASSERT_EQ(mmpo_trainer_step(trainer_, 1e-2, 1, &norm, &err_), MMPO_OK) << err_.message;
  EXPECT_EQ(norm, 0) << "an update without a micro-batch";
  EXPECT_EQ(read(MMPO_STATE_GRADIENTS, 0, count), std::vector<float>(count, 0.0f));
  int64_t peak = -1;
  ASSERT_EQ(mmpo_device_peak_bytes(device(), &peak, &err_), MMPO_OK) << err_.message;
  EXPECT_EQ(peak > 0, device() == MMPO_CUDA);
}

}  // namespace
}  // namespace mmpo::testing
