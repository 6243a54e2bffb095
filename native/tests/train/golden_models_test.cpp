// Models beside Llama, made by transformers: log-probabilities in float64, and the norm of DPO's gradient: ../../../shared/golden/models.
#include <gtest/gtest.h>

#include "model_testing.h"
#include "train/trainer.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;

BatchBuilder read_pairs(const std::string& name) {
  std::ifstream file(testing::shared_directory() / "golden" / name / "pairs.jsonl");
  BatchBuilder builder;
  for (std::string line; std::getline(file, line);) builder.add_pair(nlohmann::json::parse(line));
  return builder;
}

class GoldenModel : public ::testing::TestWithParam<std::string> {
 protected:
  std::string name() const { return "models/" + GetParam(); }

  // Chosen before rejected of each pair.
  static std::vector<double> logps(const nlohmann::json& expected) {
    std::vector<double> values;
    for (size_t i = 0; i < expected["chosen_logps"].size(); ++i) {
      values.push_back(expected["chosen_logps"][i]);
      values.push_back(expected["rejected_logps"][i]);
    }
    return values;
  }
};

TEST_P(GoldenModel, LogProbabilitiesEqualTransformers) {
  MMPO_READ_SHARED_JSON(expected, "golden/" + name() + "/expected.json");
  const auto model = testing::load_golden(name());
  const BatchBuilder builder = read_pairs(name());
  const std::vector<double> wanted = logps(expected);
  const std::vector<double> found = model->score(builder.batch()).logps;
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-5 + 2e-6 * std::abs(wanted[i])) << i;
}

// bfloat16 has 8 bits: what is asked for is that no layer is left out or done otherwise, which costs many nats.
TEST_P(GoldenModel, LogProbabilitiesInBfloat16AreNear) {
  MMPO_READ_SHARED_JSON(expected, "golden/" + name() + "/expected.json");
  const auto model = testing::load_golden(name(), at::kBFloat16);
  const BatchBuilder builder = read_pairs(name());
  const std::vector<double> wanted = logps(expected);
  const std::vector<double> found = model->score(builder.batch()).logps;
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 0.05 + 3e-3 * std::abs(wanted[i])) << i;
}

// In slices of any size, and whatever of forward is kept.
TEST_P(GoldenModel, GradientNormOfDpoEqualsTransformers) {
  MMPO_READ_SHARED_JSON(expected, "golden/" + name() + "/expected.json");
  const BatchBuilder builder = read_pairs(name());
  const mmpo_batch batch = builder.batch();
  const auto norm = expected["dpo_grad_norm"].get<double>();
  for (const int32_t recompute : {MMPO_RECOMPUTE_NONE, MMPO_RECOMPUTE_SELECTIVE, MMPO_RECOMPUTE_FULL}) {
    SCOPED_TRACE(recompute);
    const auto model = testing::load_golden(name());
    model->set_slice_tokens(recompute == MMPO_RECOMPUTE_FULL ? 100 : 10000);
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, recompute, MMPO_ADAMW, 0});
    mmpo_objective settings = testing::objective(MMPO_LOSS_DPO, expected["dpo_beta"].get<double>());
    settings.scale = 1.0 / static_cast<double>(batch.num_groups);
    trainer.accumulate(batch, Objective(settings, batch, logps(expected), std::nullopt));
    EXPECT_NEAR(trainer.gradients().cpu().to(at::kDouble).norm().item<double>(), norm, 1e-4 * norm);
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, GoldenModel,
                         ::testing::Values("llama_linear", "llama_yarn", "mistral_window", "qwen3", "smollm3"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace mmpo
