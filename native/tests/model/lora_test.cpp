// What an adapter computes: log-probabilities and gradients of the twin's, with dropout, on all modules or some.
#include "model/lora.h"

#include <gtest/gtest.h>

#include "model/lora_testing.h"

namespace mmpo {
namespace {

using testing::accumulate_sft;
using testing::adapted_model;
using testing::BatchBuilder;
using testing::expect_gradients;
using testing::kAttention;
using testing::kModuleNames;
using testing::lora;
using testing::Masks;
using testing::module_set;
using testing::packed;
using testing::random_groups;
using testing::sum;
using testing::Twin;
using testing::twin_logps;
using testing::UniformLora;

struct Setting {
  std::string name;
  int32_t recompute;
  UniformLora lora;
  bool tied = false;
  bool is_llama = true;

  mmpo_model_config config() const {
    mmpo_model_config config = is_llama ? testing::random_config() : testing::unlike_llama();
    config.tie_embeddings = tied ? 1 : 0;
    return config;
  }
};

class LoraTest : public ::testing::TestWithParam<Setting> {};

TEST_P(LoraTest, GradientsEqualAutogradsOfTheTwin) {
  const auto model = adapted_model(GetParam().lora, at::kFloat, GetParam().config());
  const auto groups = random_groups(131);
  Twin twin(*model);
  Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, GetParam().recompute, MMPO_ADAMW, 0});
  // The third micro-batch of the first step: every group draws its own masks.
  accumulate_sft(trainer, groups, 0);
  accumulate_sft(trainer, groups, 0);
  const auto logps =
      twin_logps(twin, *model, GetParam().lora, groups, Masks{0, 2 * static_cast<int64_t>(groups.size())});
  (-sum(logps) / 8).backward();
  const auto result = accumulate_sft(trainer, groups, 1.0 / 8);
  for (size_t c = 0; c < logps.size(); ++c) EXPECT_NEAR(result.logps[c], logps[c].item<double>(), 2e-4) << c;
  expect_gradients(twin, trainer, 5e-6);
}

// No dropout: what evaluation, scoring and generation see.
TEST_P(LoraTest, LogProbabilitiesEqualTheTwinsWithoutDropout) {
  const auto model = adapted_model(GetParam().lora, at::kFloat, GetParam().config());
  const auto groups = random_groups(131);
  Twin twin(*model);
  const auto logps = twin_logps(twin, *model, GetParam().lora, groups, std::nullopt);
  const BatchBuilder builder = packed(groups);
  const auto found = testing::token_logps(*model, builder.batch());
  for (size_t c = 0; c < logps.size(); ++c) {
    EXPECT_NEAR(std::accumulate(found[c].begin(), found[c].end(), 0.0), logps[c].item<double>(), 2e-4) << c;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Settings, LoraTest,
    ::testing::Values(
        Setting{"none", MMPO_RECOMPUTE_NONE, lora(8, 0)}, Setting{"none_dropout", MMPO_RECOMPUTE_NONE, lora(3, 0.3)},
        Setting{"selective_dropout", MMPO_RECOMPUTE_SELECTIVE, lora(8, 0.1), true},
        Setting{"full", MMPO_RECOMPUTE_FULL, lora(5, 0)}, Setting{"full_dropout", MMPO_RECOMPUTE_FULL, lora(1, 0.5)},
        Setting{"attention", MMPO_RECOMPUTE_FULL, lora(4, 0.2, kAttention)},
        Setting{"query_and_value", MMPO_RECOMPUTE_SELECTIVE, lora(4, 0, module_set({MMPO_MODULE_Q, MMPO_MODULE_V}))},
        Setting{"up_and_down", MMPO_RECOMPUTE_NONE, lora(2, 0.2, module_set({MMPO_MODULE_UP, MMPO_MODULE_DOWN}))},
        Setting{"unlike_llama", MMPO_RECOMPUTE_SELECTIVE, lora(4, 0.2), false, false},
        Setting{"unlike_llama_full", MMPO_RECOMPUTE_FULL, lora(4, 0), true, false}),
    [](const auto& test) { return test.param.name; });

// Some modules of some layers, each with its rank and scaling, and matrices that are trained whole.
struct Part {
  std::string name;
  int32_t recompute;
  int32_t whole;
  bool tied;
  int64_t only_layer;  // -1: another set of modules in each
};

class PartialLora : public ::testing::TestWithParam<Part> {
 protected:
  PartialLora() {
    config_.tie_embeddings = GetParam().tied ? 1 : 0;
    const std::vector<mmpo_lora_module> all = {{1, 3, 0.5, MMPO_MODULE_Q},  {1, 5, 2, MMPO_MODULE_V},
                                               {1, 2, 1, MMPO_MODULE_DOWN}, {0, 4, 1.5, MMPO_MODULE_V},
                                               {0, 1, 3, MMPO_MODULE_GATE}, {0, 6, 0.25, MMPO_MODULE_UP}};
    std::ranges::copy_if(all, std::back_inserter(modules_), [](const mmpo_lora_module& module) {
      return GetParam().only_layer < 0 || module.layer == GetParam().only_layer;
    });
    model_ = testing::random_model(config_, 4);
    model_->set_adapter({modules_.data(), static_cast<int64_t>(modules_.size()), 0.2, 77, GetParam().whole}, {});
    Adapter& adapter = *model_->decoder().adapter();
    for (const Parameter& parameter : adapter.layout().parameters()) {
      Tensor values = adapter.flat().narrow(0, parameter.offset, parameter.size());
      if (parameter.name.ends_with("lora_B.weight")) values.normal_(0, 0.2);
      if (Adapter::is_whole(parameter.name)) values.add_(at::randn_like(values) * 0.1);
    }
    adapter.refresh();
  }

  double scaling(const std::string& name) const {
    const auto found = std::ranges::find_if(modules_, [&](const mmpo_lora_module& module) {
      return name ==
             "model.layers." + std::to_string(module.layer) + "." + kModuleNames[static_cast<size_t>(module.module)];
    });
    return found->scaling;
  }

  mmpo_model_config config_ = testing::random_config();
  std::vector<mmpo_lora_module> modules_;
  std::unique_ptr<Model> model_;
};

TEST_P(PartialLora, GradientsAndScoresEqualTheTwins) {
  const auto groups = random_groups(131);
  Twin twin(*model_);
  const auto of = [&](const std::string& module) { return scaling(module); };
  const BatchBuilder builder = packed(groups);
  const auto scored = testing::token_logps(*model_, builder.batch());
  const auto without = twin_logps(twin, *model_, of, groups, std::nullopt);
  for (size_t c = 0; c < without.size(); ++c) {
    EXPECT_NEAR(std::accumulate(scored[c].begin(), scored[c].end(), 0.0), without[c].item<double>(), 2e-4) << c;
  }
  Trainer trainer(*model_, {0.9, 0.999, 1e-8, 0, GetParam().recompute, MMPO_ADAMW, 0});
  // The second update's, so that the first one's gradient does not stay in it.
  accumulate_sft(trainer, groups);
  trainer.step(0, 0);
  const auto logps = twin_logps(twin, *model_, of, groups, Masks{.num_steps = 1});
  (-sum(logps)).backward();
  accumulate_sft(trainer, groups);
  expect_gradients(twin, trainer, 5e-6);
}

TEST_P(PartialLora, AnUpdateChangesTheAdapterAlone) {
  const Tensor base = model_->decoder().flat().clone();
  Adapter& adapter = *model_->decoder().adapter();
  const Tensor before = adapter.flat().clone();
  Trainer trainer(*model_, {0.9, 0.999, 1e-8, 0, GetParam().recompute, MMPO_ADAMW_8BIT, 0});
  accumulate_sft(trainer, random_groups(131));
  trainer.step(1e-2, 1);
  EXPECT_TRUE(at::equal(model_->decoder().flat(), base));
  for (const Parameter& parameter : adapter.layout().parameters()) {
    const auto part = [&](const Tensor& flat) { return flat.narrow(0, parameter.offset, parameter.size()); };
    EXPECT_FALSE(at::equal(part(adapter.flat()), part(before))) << parameter.name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Parts, PartialLora,
    ::testing::Values(Part{"modules_of_both_layers", MMPO_RECOMPUTE_SELECTIVE, 0, true, -1},
                      Part{"the_upper_layer_alone", MMPO_RECOMPUTE_FULL, 0, false, 1},
                      Part{"the_lower_layer_alone", MMPO_RECOMPUTE_NONE, 0, true, 0},
                      Part{"embedding", MMPO_RECOMPUTE_SELECTIVE, MMPO_WHOLE_EMBEDDING, true, 1},
                      Part{"head", MMPO_RECOMPUTE_FULL, MMPO_WHOLE_HEAD, true, 1},
                      Part{"head_of_its_own", MMPO_RECOMPUTE_NONE, MMPO_WHOLE_HEAD, false, -1},
                      Part{"both", MMPO_RECOMPUTE_NONE, MMPO_WHOLE_EMBEDDING | MMPO_WHOLE_HEAD, true, -1},
                      Part{"both_untied", MMPO_RECOMPUTE_FULL, MMPO_WHOLE_EMBEDDING | MMPO_WHOLE_HEAD, false, 1},
                      Part{"one_for_both", MMPO_RECOMPUTE_SELECTIVE, MMPO_WHOLE_TIED, true, 1}),
    [](const auto& test) { return test.param.name; });

// Weights are rounded to 8 bits in the engine, before the twin reads them, and activations on the way.
TEST(Lora, GradientsOverABfloat16BaseEqualTheTwinsToItsRounding) {
  for (const double dropout : {0.0, 0.2}) {
    const UniformLora settings = lora(8, dropout);
    const auto model = adapted_model(settings, at::kBFloat16);
    const auto groups = random_groups(131);
    Twin twin(*model);
    const auto logps = twin_logps(twin, *model, settings, groups, Masks());
    (-sum(logps)).backward();
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
    accumulate_sft(trainer, groups);
    EXPECT_EQ(trainer.parameters().scalar_type(), at::kFloat);
    expect_gradients(twin, trainer, 0.05);
  }
}

// Along a random direction, with the masks of the pass: L(p + h d) - L(p - h d) = 2 h grad . d.
TEST(Lora, GradientEqualsFiniteDifferences) {
  const auto groups = random_groups(131);
  const auto model = adapted_model(lora(6, 0.25));
  Tensor& flat = model->decoder().adapter()->flat();
  const auto loss = [&] {
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
    double total = 0;
    for (const double value : accumulate_sft(trainer, groups).losses) total += value;
    return std::pair(total, trainer.gradients().cpu().clone());
  };
  const Tensor gradient = loss().second;
  const Tensor start = flat.clone();
  const Tensor direction = at::randn_like(flat);
  const double step = 1e-3;
  flat.copy_(start + step * direction);
  const double above = loss().first;
  flat.copy_(start - step * direction);
  const double below = loss().first;
  const double slope = (gradient.to(at::kDouble) * direction).sum().item<double>();
  EXPECT_NEAR((above - below) / (2 * step), slope, 5e-3 * std::abs(slope));
}

}  // namespace
}  // namespace mmpo
