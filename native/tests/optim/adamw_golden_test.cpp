// 50 clipped AdamW steps against shared/golden/adamw.json: torch.optim.AdamW, checked there in numpy.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "optim/adamw.h"
#include "optim/golden_arrays.h"
#include "optim/grad_clip.h"
#include "shared.h"

namespace mmpo {
namespace {

using nlohmann::json;
using testing::backend;
using testing::decode;

class AdamWGolden : public testing::KernelTest {};

template <typename T>
void expect_near(const std::vector<T>& actual, const std::vector<T>& wanted, double tolerance, const char* what) {
  ASSERT_EQ(actual.size(), wanted.size()) << what;
  double worst = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::abs(static_cast<double>(actual[i]) - static_cast<double>(wanted[i]));
    worst = difference <= worst ? worst : difference;
  }
  EXPECT_TRUE(worst <= tolerance) << what << ": " << worst << " beyond " << tolerance;
}

template <typename T>
void run_golden(const json& golden, const std::string& dtype, double tolerance) {
  const json& wanted = golden[dtype];
  std::vector<std::vector<float>> basis;
  for (const json& values : golden["grad_basis"]) basis.push_back(decode<float, float>(values));
  std::vector<T> param = decode<float, T>(golden["initial_param"]);
  std::vector<T> grad(param.size()), exp_avg(param.size()), exp_avg_sq(param.size());
  const AdamWSettings settings{.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01};
  for (size_t t = 0; t < 50; ++t) {
    const float scale = golden["grad_scale"][t].get<float>();
    for (size_t i = 0; i < grad.size(); ++i) grad[i] = static_cast<T>(basis[t % 5][i] * scale);
    const auto count = static_cast<int64_t>(param.size());
    const double norm = backend().l2_norm(grad.data(), count);
    const double wanted_norm = wanted["grad_norm_before_clip"][t];
    EXPECT_NEAR(norm, wanted_norm, (tolerance + (dtype == "float32" ? 1e-6 : 0)) * wanted_norm) << "step " << t;
    const AdamWShard<T> shard{param.data(), grad.data(), exp_avg.data(), exp_avg_sq.data(), nullptr, count};
    backend().adamw_step(shard, settings, golden["lr_at_step"][t], static_cast<int64_t>(t) + 1,
                         clip_coefficient(norm, 1.0));
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_NEAR(static_cast<double>(param[i]), wanted["param_first8_after_each_step"][t][i].get<double>(), tolerance)
          << "step " << t << " element " << i;
    }
  }
  expect_near(param, decode<T, T>(wanted["final_param"]), tolerance, "final_param");
  // The moments are stored as float32 for both types.
  expect_near(exp_avg, decode<float, T>(wanted["final_exp_avg"]), 2e-8, "final_exp_avg");
  expect_near(exp_avg_sq, decode<float, T>(wanted["final_exp_avg_sq"]), 2e-10, "final_exp_avg_sq");
}

TEST_P(AdamWGolden, FiftyGoldenStepsInDouble) {
  MMPO_READ_SHARED_JSON(golden, "golden/adamw.json");
  run_golden<double>(golden, "float64", 1e-12);
}

TEST_P(AdamWGolden, FiftyGoldenStepsInFloat) {
  MMPO_READ_SHARED_JSON(golden, "golden/adamw.json");
  run_golden<float>(golden, "float32", 5e-7);
}

MMPO_ON_EVERY_BACKEND(AdamWGolden);

}  // namespace
}  // namespace mmpo
