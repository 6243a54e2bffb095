// Log-probabilities, losses and every parameter's gradient of the golden tiny Llamas: ../../../shared/golden/tiny_llama.
#include <gtest/gtest.h>

#include "model_testing.h"
#include "train/trainer.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;

struct Variant {
  std::string model;
  int32_t recompute;
  bool lora = false;  // the golden adapter is trained, not the weights
};

std::unique_ptr<Model> load(const Variant& variant) {
  auto model = testing::load_tiny_llama(variant.model);
  if (variant.lora) testing::add_golden_adapter(*model, variant.model);
  return model;
}

class TinyLlama : public ::testing::TestWithParam<Variant> {
 protected:
  static BatchBuilder pairs(const nlohmann::json& golden) {
    BatchBuilder builder;
    for (const auto& pair : golden["pairs"]) builder.add_pair(pair);
    return builder;
  }

  static const nlohmann::json& expected(const nlohmann::json& golden) {
    return golden["models"][GetParam().model][GetParam().lora ? "lora" : "full"]["float64"];
  }

  static std::vector<double> references(const nlohmann::json& ref) {
    std::vector<double> values;
    for (size_t i = 0; i < ref["ref_chosen_logps"].size(); ++i) {
      values.push_back(ref["ref_chosen_logps"][i]);
      values.push_back(ref["ref_rejected_logps"][i]);
    }
    return values;
  }
};

mmpo_objective named_objective(const std::string& name) {
  if (name == "dpo") return testing::objective(MMPO_LOSS_DPO, 0.1);
  if (name == "simpo_paper_variant") return testing::objective(MMPO_LOSS_SIMPO, 2);
  auto mmpo = testing::objective(MMPO_LOSS_MMPO, 0.01);
  if (name == "mmpo_no_aux") mmpo.aux_weight = 0;
  return mmpo;
}

TEST_P(TinyLlama, TokenLogProbabilitiesEqualTransformers) {
  MMPO_READ_SHARED_JSON(golden, "golden/tiny_llama/golden.json");
  const auto model = load(GetParam());
  const BatchBuilder builder = pairs(golden);
  const auto found = testing::token_logps(*model, builder.batch());
  const auto& tokens = expected(golden)["tokens"];
  for (size_t pair = 0; pair < tokens.size(); ++pair) {
    for (size_t side = 0; side < 2; ++side) {
      const auto values =
          tokens[pair][side == 0 ? "chosen_token_logps" : "rejected_token_logps"].get<std::vector<double>>();
      ASSERT_EQ(found[2 * pair + side].size(), values.size());
      for (size_t t = 0; t < values.size(); ++t) EXPECT_NEAR(found[2 * pair + side][t], values[t], 1e-5);
    }
  }
}

TEST_P(TinyLlama, LossesAndGradientsEqualTransformers) {
  MMPO_READ_SHARED_JSON(golden, "golden/tiny_llama/golden.json");
  const auto& reference = expected(golden);
  const BatchBuilder builder = pairs(golden);
  const mmpo_batch batch = builder.batch();
  const std::vector<double> refs = references(golden["models"][GetParam().model]["ref"]);
  for (const std::string name : {"mmpo", "mmpo_no_aux", "dpo", "simpo_paper_variant"}) {
    SCOPED_TRACE(name);
    if (!reference["grads"].contains(name)) continue;
    const auto model = load(GetParam());
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, GetParam().recompute, MMPO_ADAMW, 0});
    auto settings = named_objective(name);
    settings.scale = 1.0 / 3;
    const auto result = trainer.accumulate(batch, Objective(settings, batch, refs, std::nullopt));
    for (size_t pair = 0; pair < 3; ++pair) {
      EXPECT_NEAR(result.losses[pair], reference["losses"][name][pair].get<double>(), 1e-4);
      EXPECT_NEAR(result.logps[2 * pair], reference["chosen_logps"][pair].get<double>(), 5e-5);
      EXPECT_NEAR(result.logps[2 * pair + 1], reference["rejected_logps"][pair].get<double>(), 5e-5);
    }
    const auto& gradients = reference["grads"][name]["params"];
    const Tensor flat = trainer.gradients().cpu();
    ASSERT_EQ(gradients.size(), trainer.layout().parameters().size());
    for (const Parameter& parameter : trainer.layout().parameters()) {
      SCOPED_TRACE(parameter.name);
      const auto& golden_gradient = gradients[parameter.name];
      const Tensor gradient = flat.narrow(0, parameter.offset, parameter.size());
      const auto norm = golden_gradient["norm"].get<double>();
      EXPECT_NEAR(gradient.to(at::kDouble).norm().item<double>(), norm, 1e-4 * norm);
      for (int64_t i = 0; i < 8; ++i) {
        EXPECT_NEAR(gradient[i].item<double>(), golden_gradient["first8"][static_cast<size_t>(i)].get<double>(),
                    1e-4 * norm);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, TinyLlama,
    ::testing::Values(Variant{"tied", MMPO_RECOMPUTE_NONE}, Variant{"tied", MMPO_RECOMPUTE_SELECTIVE},
                      Variant{"tied", MMPO_RECOMPUTE_FULL}, Variant{"untied_llama3_rope", MMPO_RECOMPUTE_NONE},
                      Variant{"untied_llama3_rope", MMPO_RECOMPUTE_FULL}, Variant{"tied", MMPO_RECOMPUTE_NONE, true},
                      Variant{"untied_llama3_rope", MMPO_RECOMPUTE_FULL, true}),
    [](const auto& test) {
      return test.param.model + (test.param.lora ? "_lora" : "") + "_recompute" + std::to_string(test.param.recompute);
    });

}  // namespace
}  // namespace mmpo
