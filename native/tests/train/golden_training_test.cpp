// The forty-step runs of ../../../shared/golden/training.json.
#include <gtest/gtest.h>

#include "model_testing.h"
#include "train/trainer.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;

class GoldenTraining : public ::testing::TestWithParam<std::string> {};

mmpo_objective run_objective(const std::string& run) {
  if (run == "dpo") return testing::objective(MMPO_LOSS_DPO, 0.1);
  if (run == "simpo_paper_variant") return testing::objective(MMPO_LOSS_SIMPO, 2);
  auto mmpo = testing::objective(MMPO_LOSS_MMPO, 0.01);
  if (run == "mmpo_no_aux") mmpo.aux_weight = 0;
  return mmpo;
}

TEST_P(GoldenTraining, LossAndGradientNormAtEveryStep) {
  MMPO_READ_SHARED_JSON(golden, "golden/training.json");
  constexpr size_t micro_batch = 4;
  constexpr size_t accumulation = 2;
  const auto& steps = golden["runs"][GetParam()]["float64"]["steps"];
  const auto model = testing::load_tiny_llama("tied");
  const auto reference = testing::load_tiny_llama("tied");
  Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
  mmpo_objective settings = run_objective(GetParam());
  settings.scale = 1.0 / (micro_batch * accumulation);
  size_t position = 0;
  for (const auto& step : steps) {
    double loss = 0;
    for (size_t i = 0; i < accumulation; ++i) {
      BatchBuilder builder;
      for (size_t p = 0; p < micro_batch; ++p)
        builder.add_pair(golden["pairs"][golden["order"][position++].get<size_t>()]);
      const mmpo_batch batch = builder.batch();
      std::vector<double> refs;
      for (const auto& tokens : testing::token_logps(*reference, batch)) {
        refs.push_back(std::accumulate(tokens.begin(), tokens.end(), 0.0));
      }
      const auto result = trainer.accumulate(batch, Objective(settings, batch, refs, std::nullopt));
      for (const double pair_loss : result.losses) loss += pair_loss * settings.scale;
    }
    const double norm = trainer.step(step["lr"].get<double>(), 1.0);
    ASSERT_NEAR(loss, step["loss"].get<double>(), 1e-4) << "step " << trainer.num_steps();
    ASSERT_NEAR(norm, step["grad_norm"].get<double>(), 5e-4) << "step " << trainer.num_steps();
  }
  EXPECT_EQ(trainer.num_steps(), 40);
}

INSTANTIATE_TEST_SUITE_P(Runs, GoldenTraining, ::testing::Values("mmpo", "mmpo_no_aux", "dpo", "simpo_paper_variant"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace mmpo
