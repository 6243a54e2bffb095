// A valid call of every entry point, for tests that break one thing at a time.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "mmpo/mmpo.h"
#include "model_testing.h"

namespace mmpo::testing {

// The call failed with this status, and its message holds every part.
inline void expect_failure(int32_t status, const mmpo_error& err, int32_t wanted,
                           const std::vector<std::string>& parts) {
  EXPECT_EQ(status, wanted) << err.message;
  EXPECT_EQ(err.code, wanted);
  for (const std::string& part : parts)
    EXPECT_NE(std::string(err.message).find(part), std::string::npos) << part << " in: " << err.message;
}

// Two pairs, on a small random model.
class CApi : public ::testing::Test {
 protected:
  CApi() : config_(random_config()), weights_(config_, 5) {
    builder_.add({1, 2, 3}, {{4, 5}, {6}});
    builder_.add({7}, {{8}, {9, 10, 11}});
    batch_ = builder_.batch();
    objective_ = objective(MMPO_LOSS_DPO, 0.1);
  }

  void SetUp() override {
    ASSERT_EQ(
        mmpo_model_create(&config_, weights_.tensors().data(), num_tensors(), MMPO_FLOAT32, device(), &model_, &err_),
        MMPO_OK)
        << err_.message;
    const mmpo_optimizer_config optimizer{0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0};
    ASSERT_EQ(mmpo_trainer_create(model_, &optimizer, &trainer_, &err_), MMPO_OK) << err_.message;
  }

  void TearDown() override {
    mmpo_trainer_free(trainer_);
    mmpo_model_free(model_);
  }

  virtual int32_t device() const { return MMPO_CPU; }
  int64_t num_tensors() { return static_cast<int64_t>(weights_.tensors().size()); }

  mmpo_model_config config_;
  RandomWeights weights_;
  BatchBuilder builder_;
  mmpo_batch batch_{};
  mmpo_objective objective_{};
  std::vector<double> ref_logps_{-10, -5, -4, -13};
  mmpo_model* model_ = nullptr;
  mmpo_trainer* trainer_ = nullptr;
  mmpo_error err_{};
};

inline bool all_nan(const std::vector<double>& values) {
  for (const double value : values) {
    if (!std::isnan(value)) return false;
  }
  return true;
}

}  // namespace mmpo::testing
