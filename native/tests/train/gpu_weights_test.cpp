// The weights that a GPU makes for itself are those that the loss makes on the host, for every loss and its settings.
#include "train/gpu_weights.h"

#include <gtest/gtest.h>

#include "model_testing.h"
#include "operations.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using testing::objective;

struct Case {
  std::string name;
  mmpo_objective settings;
};

mmpo_objective with(int32_t loss, const std::function<void(mmpo_objective&)>& change) {
  mmpo_objective settings = objective(loss, 0.3);
  settings.scale = 0.25;
  settings.aux_weight = 0.6;
  change(settings);
  return settings;
}

class GpuWeights : public ::testing::TestWithParam<Case> {
 protected:
  // On the CPU the kernel runs as fibers.
  void SetUp() override {
    if (testing::test_device().is_cpu() && cuda_is_built()) GTEST_SKIP() << "MMPO_TEST_DEVICE=cuda runs it";
    emulates_gpu() = testing::test_device().is_cpu();
  }
  void TearDown() override { emulates_gpu() = false; }
};

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
  Tensor log_squares_R;
  if (subject.reads_log_squares()) log_squares_R = -at::rand({packed.num_graded_head_rows});
  const std::vector<double> weights = subject.evaluate(subject.scores(packed, logp_R, log_squares_R)).weights;
  const Tensor there = log_squares_R.defined() ? log_squares_R.to(device) : log_squares_R;
  Tensor found;
  {
    const testing::RecordedOperations recorded;
    found = row_weights_of(subject, packed, logp_R.to(device), there).cpu();
    // Of PyTorch's list of what may differ from run to run on a GPU (torch.use_deterministic_algorithms).
    for (const char* name :
         {"aten::cumsum", "aten::index_add_", "aten::scatter_add_", "aten::bincount", "aten::put_"}) {
      EXPECT_FALSE(recorded.names().contains(name)) << name;
    }
  }
  ASSERT_EQ(found.scalar_type(), at::kFloat);
  for (size_t c = 0; c < weights.size(); ++c) {
    for (int64_t i = 0; i < packed.completions[c].length; ++i) {
      const double weight = subject.token_share(c, i) * weights[c];
      EXPECT_EQ(found[packed.completions[c].head_begin + i].item<float>(), static_cast<float>(weight));
    }
  }
}

// One case a loss, and one for each setting that changes a formula.
std::vector<Case> cases() {
  std::vector<Case> all{{"Mmpo", with(MMPO_LOSS_MMPO, [](auto&) {})},
                        {"MmpoByLength", with(MMPO_LOSS_MMPO, [](auto& o) { o.length_normalize = 1; })},
                        {"MmpoUnnormalized", with(MMPO_LOSS_MMPO, [](auto& o) { o.normalize = 0; })},
                        {"MmpoWithoutAuxiliary", with(MMPO_LOSS_MMPO, [](auto& o) { o.aux_weight = 0; })},
                        {"DpoSmoothed", with(MMPO_LOSS_DPO, [](auto& o) { o.label_smoothing = 0.2; })},
                        {"DpoOfDesensitizedLengths", with(MMPO_LOSS_DPO, [](auto& o) { o.ld_alpha = 0.3; })},
                        {"IpoWeighted", with(MMPO_LOSS_IPO, [](auto& o) { o.use_weighting = 1; })},
                        {"BcoOfDesensitizedLengthsWeighted", with(MMPO_LOSS_BCO_PAIR,
                                                                  [](auto& o) {
                                                                    o.ld_alpha = 0;
                                                                    o.use_weighting = 1;
                                                                  })},
                        {"SimpoShaped", with(MMPO_LOSS_SIMPO, [](auto& o) { o.reward_alpha = 0.25; })},
                        {"SimpoByLength", with(MMPO_LOSS_SIMPO, [](auto& o) { o.length_normalize = 1; })},
                        {"Mixture", with(MMPO_LOSS_DPO, [](auto& o) {
                           o.num_losses = 2;
                           o.losses[1] = MMPO_LOSS_CHOSEN_NLL;
                           o.loss_weights[1] = 0.2;
                         })}};
  for (int32_t loss = 0; loss < MMPO_NUM_LOSSES; ++loss) {
    const mmpo_objective settings = with(loss, [](auto&) {});
    if (loss == MMPO_LOSS_SFT || loss == MMPO_LOSS_CHOSEN_NLL || couples_pairs(settings)) continue;
    all.push_back({"Loss" + std::to_string(loss), settings});
    for (int32_t divergence = MMPO_FORWARD_KL; divergence <= MMPO_ALPHA_DIVERGENCE; ++divergence) {
      all.push_back(
          {"Loss" + std::to_string(loss) + "Divergence" + std::to_string(divergence), with(loss, [&](auto& o) {
             o.divergence = divergence;
             o.divergence_alpha = 0.5;
           })});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Losses, GpuWeights, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace mmpo
