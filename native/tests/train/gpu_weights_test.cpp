// The weights that a GPU makes for itself are those that the loss makes on the host, for every loss and its settings.
#include "train/gpu_weights.h"

#include <gtest/gtest.h>

#include "model_testing.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using testing::objective;

struct Case {
  const char* name;
  mmpo_objective settings;
};

mmpo_objective with(int32_t loss, const std::function<void(mmpo_objective&)>& change) {
  mmpo_objective settings = objective(loss, 0.3);
  settings.scale = 0.25;
  settings.aux_weight = 0.6;
  change(settings);
  return settings;
}

class GpuWeights : public ::testing::TestWithParam<Case> {};

TEST_P(GpuWeights, AreThoseOfTheLoss) {
  at::manual_seed(9);
  BatchBuilder builder;
  builder.add({1, 2, 3}, {{4, 5, 6}, {7}});
  builder.add({8}, {{9}, {10, 11}});
  builder.add({12, 13}, {{14, 15, 16, 17}, {18, 19, 20}});
  const mmpo_batch batch = builder.batch();
  const std::vector<double> ref_logps{-3, -1.5, -0.5, -4, -6, -5.5};
  const Objective subject(GetParam().settings, batch, ref_logps, std::nullopt);
  const std::vector<Role> roles(6, Role::kGraded);
  const at::Device device = testing::test_device();
  const PackedBatch packed(batch, roles, device);
  const Tensor logp_R = -at::rand({packed.num_graded_head_rows}) * 3;
  const std::vector<double> weights = subject.evaluate(sum_completions(packed, logp_R)).weights;
  const Tensor found = row_weights_of(subject, packed, logp_R.to(device)).cpu();
  ASSERT_EQ(found.scalar_type(), at::kFloat);
  for (size_t c = 0; c < weights.size(); ++c) {
    for (int64_t i = 0; i < packed.completions[c].length; ++i) {
      const double weight = weights[c];
      EXPECT_NEAR(found[packed.completions[c].head_begin + i].item<double>(), weight, 1e-7 * std::abs(weight) + 1e-12);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Losses, GpuWeights,
    ::testing::Values(Case{"Mmpo", with(MMPO_LOSS_MMPO, [](auto&) {})},
                      Case{"MmpoByLength", with(MMPO_LOSS_MMPO, [](auto& o) { o.length_normalize = 1; })},
                      Case{"MmpoUnnormalized", with(MMPO_LOSS_MMPO, [](auto& o) { o.normalize = 0; })},
                      Case{"MmpoWithoutAuxiliary", with(MMPO_LOSS_MMPO, [](auto& o) { o.aux_weight = 0; })},
                      Case{"Dpo", with(MMPO_LOSS_DPO, [](auto&) {})},
                      Case{"DpoSmoothed", with(MMPO_LOSS_DPO, [](auto& o) { o.label_smoothing = 0.2; })},
                      Case{"Simpo", with(MMPO_LOSS_SIMPO, [](auto& o) { o.gamma = 0.7; })},
                      Case{"SimpoByLength", with(MMPO_LOSS_SIMPO, [](auto& o) { o.length_normalize = 1; })}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace mmpo
