// LoRA against the decoder's twin (twin.h), which adds f * (mask * x) A^T B^T to a module's output and leaves the derivatives to
// autograd. The masks are the kernel's own (kernels/dropout_test.cpp says what they are), taken at the packed rows.
#include "model/lora.h"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "common/error.h"
#include "kernels/dropout_linear.h"
#include "model/twin.h"
#include "train/trainer.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using testing::Group;
using testing::kAllLinear;
using testing::module_set;
using testing::objective;
using testing::packed;
using testing::random_groups;
using testing::relative_difference;
using testing::Threads;
using testing::Twin;
using testing::UniformLora;

constexpr int32_t kAttention = module_set({MMPO_MODULE_Q, MMPO_MODULE_K, MMPO_MODULE_V, MMPO_MODULE_O});
const std::vector<std::string> kModuleNames = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                               "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                                               "mlp.down_proj"};

UniformLora lora(int64_t rank, double dropout, int32_t targets = kAllLinear) {
  return {rank, 2.0 / static_cast<double>(rank), dropout, 77, targets};
}

// A model with an adapter whose B is not zero.
std::unique_ptr<Model> adapted_model(const UniformLora& settings, at::ScalarType dtype = at::kFloat,
                                     const mmpo_model_config& config = testing::random_config()) {
  auto model = testing::random_model(config, 4, dtype);
  set_adapter(*model, settings);
  Adapter& adapter = *model->decoder().adapter();
  for (const Parameter& parameter : adapter.layout().parameters()) {
    if (parameter.name.ends_with("lora_B.weight")) {
      adapter.flat().narrow(0, parameter.offset, parameter.size()).normal_(0, 0.2);
    }
  }
  adapter.refresh();
  return model;
}

// A mask [rows, columns] of ones and zeros.
Tensor mask(const DropoutPass& pass, const std::string& module, int64_t num_rows, int64_t columns) {
  const size_t dot = module.find('.', std::string("model.layers.").size());
  const auto layer = static_cast<uint32_t>(std::stoul(module.substr(std::string("model.layers.").size())));
  const auto number = std::ranges::find(kModuleNames, module.substr(dot + 1)) - kModuleNames.begin();
  Tensor kept = at::empty({num_rows, columns});
  dropout(at::ones({num_rows, columns}), {pass.key, layer * 7 + static_cast<uint32_t>(number), pass.threshold}, kept);
  return kept.to(at::kDouble);
}

// Summed log-probability of every completion by the twin, completions of the groups in order.
std::vector<Tensor> twin_logps(Twin& twin, const Model& model,
                               const std::function<double(const std::string& module)>& scaling,
                               const std::vector<Group>& groups, const DropoutPass& pass) {
  std::vector<Tensor> sums;
  int64_t first = 0;
  for (const Group& group : groups) {
    const auto prompt_rows = static_cast<int64_t>(group.prompt.size());
    int64_t completion_row = first + prompt_rows;
    for (const auto& completion : group.completions) {
      // A completion's last token has no row here; in the twin's sequence it is the last, and predicts nothing.
      const auto rows = static_cast<int64_t>(completion.size()) - 1;
      const Tensor places = at::cat({at::arange(first, first + prompt_rows, at::kLong),
                                     at::arange(completion_row, completion_row + rows + 1, at::kLong)});
      completion_row += rows;
      twin.set_addition([&](const std::string& module, const Tensor& x) {
        const std::string name = "base_model.model." + module;
        if (!twin.has_parameter(name + ".lora_A.weight")) return at::zeros({1}, at::kDouble);
        const Tensor places_mask = mask(pass, module, places.max().item<int64_t>() + 1, x.size(1)).index({places});
        const Tensor low = (x * places_mask * pass.scale()).mm(twin.parameter(name + ".lora_A.weight").t());
        return scaling(module) * low.mm(twin.parameter(name + ".lora_B.weight").t());
      });
      sums.push_back(twin.token_logps(group.prompt, completion).sum());
    }
    first = completion_row;
  }
  EXPECT_TRUE(model.decoder().adapter() != nullptr);
  return sums;
}

std::vector<Tensor> twin_logps(Twin& twin, const Model& model, const UniformLora& settings,
                               const std::vector<Group>& groups, const DropoutPass& pass) {
  return twin_logps(twin, model, [&](const std::string&) { return settings.scaling; }, groups, pass);
}

Tensor sum(const std::vector<Tensor>& values) { return at::stack(values).sum(); }

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

Trainer::Result accumulate_sft(Trainer& trainer, const std::vector<Group>& groups, double scale = 1) {
  const BatchBuilder builder = packed(groups);
  const mmpo_batch batch = builder.batch();
  mmpo_objective settings = objective(MMPO_LOSS_SFT, 1);
  settings.scale = scale;
  return trainer.accumulate(batch, Objective(settings, batch, {}, std::nullopt));
}

void expect_gradients(const Twin& twin, Trainer& trainer, double limit) {
  for (const Parameter& parameter : trainer.layout().parameters()) {
    SCOPED_TRACE(parameter.name);
    const Tensor expected = twin.parameter(parameter.name).grad();
    const Tensor found = trainer.gradients().cpu().narrow(0, parameter.offset, parameter.size());
    ASSERT_GT(expected.norm().item<double>(), 1e-4);
    EXPECT_LT(relative_difference(found, expected), limit);
  }
}

TEST_P(LoraTest, GradientsEqualAutogradsOfTheTwin) {
  const auto model = adapted_model(GetParam().lora, at::kFloat, GetParam().config());
  const auto groups = random_groups(131);
  Twin twin(*model);
  Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, GetParam().recompute, MMPO_ADAMW, 0});
  // The third micro-batch of the first step: each draws its own masks.
  accumulate_sft(trainer, groups, 0);
  accumulate_sft(trainer, groups, 0);
  const auto logps = twin_logps(twin, *model, GetParam().lora, groups, model->decoder().adapter()->dropout_pass(0, 2));
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
  const auto logps = twin_logps(twin, *model, GetParam().lora, groups, DropoutPass());
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
  const auto without = twin_logps(twin, *model_, of, groups, DropoutPass());
  for (size_t c = 0; c < without.size(); ++c) {
    EXPECT_NEAR(std::accumulate(scored[c].begin(), scored[c].end(), 0.0), without[c].item<double>(), 2e-4) << c;
  }
  Trainer trainer(*model_, {0.9, 0.999, 1e-8, 0, GetParam().recompute, MMPO_ADAMW, 0});
  // The second update's, so that the first one's gradient does not stay in it.
  accumulate_sft(trainer, groups);
  trainer.step(0, 0);
  const auto logps = twin_logps(twin, *model_, of, groups, model_->decoder().adapter()->dropout_pass(1, 0));
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
    const auto logps = twin_logps(twin, *model, settings, groups, model->decoder().adapter()->dropout_pass(0, 0));
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

class LoraTypes : public ::testing::TestWithParam<at::ScalarType> {};

INSTANTIATE_TEST_SUITE_P(Types, LoraTypes, ::testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& test) { return std::string(c10::toString(test.param)); });

TEST_P(LoraTypes, AFreshAdapterChangesNothing) {
  const auto base = testing::random_model(testing::random_config(), 4, GetParam());
  const auto fresh = testing::random_model(testing::random_config(), 4, GetParam());
  set_adapter(*fresh, lora(8, 0.5));
  const BatchBuilder builder = packed(random_groups(131));
  EXPECT_EQ(testing::token_logps(*fresh, builder.batch()), testing::token_logps(*base, builder.batch()));
}

TEST_P(LoraTypes, OnlyTheAdapterIsTrainedAndItsStateIsOfItsSize) {
  const auto model = adapted_model(lora(4, 0.1, kAttention), GetParam());
  const Tensor base = model->decoder().flat().clone();
  const Tensor before = model->decoder().adapter()->flat().clone();
  Trainer trainer(*model, {0.9, 0.999, 1e-8, 0.1, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
  EXPECT_EQ(trainer.parameters().numel(), before.numel());
  EXPECT_EQ(trainer.gradients().numel(), before.numel());
  const auto& parameters = model->decoder().adapter()->layout().parameters();
  ASSERT_EQ(trainer.state(MMPO_STATE_OPTIMIZER).size(), 2 * parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const NamedTensor& exp_avg = trainer.state(MMPO_STATE_OPTIMIZER)[2 * i];
    EXPECT_EQ(exp_avg.name, "exp_avg." + parameters[i].name);
    EXPECT_EQ(exp_avg.values.numel(), parameters[i].size());
  }
  EXPECT_LT(before.numel(), base.numel() / 4);
  accumulate_sft(trainer, random_groups(131));
  EXPECT_GT(trainer.step(1e-2, 1.0), 0);
  EXPECT_TRUE(at::equal(model->decoder().flat(), base));
  Adapter& adapter = *model->decoder().adapter();
  EXPECT_FALSE(at::equal(adapter.flat(), before));
  EXPECT_TRUE(at::equal(adapter.compute_flat(), adapter.flat().to(GetParam())));
}

// Three micro-batches a step, so that masks differ within a step and between steps.
void train(Trainer& trainer, int64_t first, int64_t last) {
  for (int64_t step = first; step < last; ++step) {
    for (int64_t micro_batch = 0; micro_batch < 3; ++micro_batch) {
      at::manual_seed(static_cast<uint64_t>(100 + 3 * step + micro_batch));
      accumulate_sft(trainer, random_groups(131), 0.1);
    }
    trainer.step(1e-2, 1.0);
  }
}

TEST_P(LoraTypes, ARestoredTrainerGoesOnToTheBitWithDropout) {
  // Of rank 32, matrices of the wide model are large enough for 8-bit moments.
  for (const mmpo_optimizer_config& optimizer :
       {mmpo_optimizer_config{0.9, 0.999, 1e-8, 0.01, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0},
        mmpo_optimizer_config{0.9, 0.999, 1e-8, 0.01, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW_8BIT, 0}}) {
    const auto straight = adapted_model(lora(32, 0.3), GetParam(), testing::wide_config());
    Trainer whole(*straight, optimizer);
    train(whole, 0, 2);
    const auto resumed = adapted_model(lora(32, 0.3), GetParam(), testing::wide_config());
    Trainer after(*resumed, optimizer);
    for (const int32_t state : {MMPO_STATE_PARAMETERS, MMPO_STATE_OPTIMIZER}) {
      for (size_t i = 0; i < whole.state(state).size(); ++i)
        after.state(state)[i].values.copy_(whole.state(state)[i].values);
    }
    after.restore(2);
    train(whole, 2, 4);
    train(after, 2, 4);
    for (const int32_t state : {MMPO_STATE_PARAMETERS, MMPO_STATE_OPTIMIZER}) {
      for (size_t i = 0; i < whole.state(state).size(); ++i)
        EXPECT_TRUE(at::equal(after.state(state)[i].values, whole.state(state)[i].values));
    }
    EXPECT_TRUE(at::equal(resumed->decoder().adapter()->compute_flat(), straight->decoder().adapter()->compute_flat()));
  }
}

// Wide enough that kernels share out rows, and more rows than one part with dropout.
TEST_P(LoraTypes, TrainingHasTheSameBitsForAnyNumberOfThreads) {
  mmpo_model_config wide = testing::random_config();
  wide.hidden_size = 192;
  wide.intermediate_size = 320;
  std::vector<Tensor> results;
  for (const int num_threads : {1, 2, 3}) {
    const Threads threads(num_threads);
    const auto model = adapted_model(lora(8, 0.1), GetParam(), wide);
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
    std::vector<Group> groups;
    for (int i = 0; i < 3; ++i) {
      for (const Group& group : random_groups(131)) groups.push_back(group);
    }
    accumulate_sft(trainer, groups);
    results.push_back(trainer.gradients().cpu().clone());
  }
  EXPECT_TRUE(at::equal(results[1], results[0]));
  EXPECT_TRUE(at::equal(results[2], results[0]));
}

// Every mode draws the same masks: with other ones the gradients would differ by tens of percent.
TEST(Lora, RecomputeModesAgreeToRoundingWithDropout) {
  const auto gradient = [](int32_t recompute) {
    const auto model = adapted_model(lora(8, 0.3));
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, recompute, MMPO_ADAMW, 0});
    accumulate_sft(trainer, random_groups(131));
    return trainer.gradients().cpu().clone();
  };
  const Tensor none = gradient(MMPO_RECOMPUTE_NONE);
  EXPECT_LT(relative_difference(gradient(MMPO_RECOMPUTE_SELECTIVE), none), 1e-6);
  EXPECT_LT(relative_difference(gradient(MMPO_RECOMPUTE_FULL), none), 1e-6);
}

TEST(Lora, EveryMicroBatchAndStepDrawsOtherMasks) {
  const auto model = adapted_model(lora(8, 0.3));
  const Adapter& adapter = *model->decoder().adapter();
  const uint64_t key = adapter.dropout_pass(0, 0).key;
  EXPECT_EQ(adapter.dropout_pass(0, 0).key, key);
  EXPECT_NE(adapter.dropout_pass(0, 1).key, key);
  EXPECT_NE(adapter.dropout_pass(1, 0).key, key);
  UniformLora other_seed = lora(8, 0.3);
  other_seed.seed = 78;
  EXPECT_NE(adapted_model(other_seed)->decoder().adapter()->dropout_pass(0, 0).key, key);
}

// PEFT: kaiming_uniform_(A, a = sqrt(5)), whose bound is 1 / sqrt(inputs) and standard deviation bound / sqrt(3); B = 0.
TEST(Lora, BeginsAsPeftDoes) {
  const auto model = testing::random_model(testing::random_config(), 4);
  set_adapter(*model, lora(16, 0));
  const Adapter& adapter = *model->decoder().adapter();
  for (const Parameter& parameter : adapter.layout().parameters()) {
    SCOPED_TRACE(parameter.name);
    const Tensor values = adapter.flat().narrow(0, parameter.offset, parameter.size());
    if (parameter.name.ends_with("lora_B.weight")) {
      EXPECT_EQ(values.count_nonzero().item<int64_t>(), 0);
      continue;
    }
    const double bound = 1 / std::sqrt(static_cast<double>(parameter.columns));
    EXPECT_LE(values.abs().max().item<double>(), bound);
    EXPECT_NEAR(values.std().item<double>(), bound / std::sqrt(3.0), 0.1 * bound);
    EXPECT_NEAR(values.mean().item<double>(), 0, 0.1 * bound);
  }
  const auto same = testing::random_model(testing::random_config(), 4);
  set_adapter(*same, lora(16, 0));
  EXPECT_TRUE(at::equal(same->decoder().adapter()->flat(), adapter.flat()));
}

TEST(Lora, ParametersHavePeftsNamesAndShapes) {
  const auto model = testing::random_model(testing::random_config(), 4);
  set_adapter(*model, lora(3, 0, module_set({MMPO_MODULE_Q, MMPO_MODULE_V, MMPO_MODULE_DOWN})));
  std::vector<std::string> found;
  for (const Parameter& parameter : model->decoder().adapter()->layout().parameters()) {
    if (!parameter.name.starts_with("base_model.model.model.layers.1.")) continue;
    found.push_back(parameter.name.substr(32) + " " + std::to_string(parameter.rows) + "x" +
                    std::to_string(parameter.columns));
  }
  std::ranges::sort(found);
  EXPECT_EQ(found,
            (std::vector<std::string>{"mlp.down_proj.lora_A.weight 3x52", "mlp.down_proj.lora_B.weight 40x3",
                                      "self_attn.q_proj.lora_A.weight 3x40", "self_attn.q_proj.lora_B.weight 60x3",
                                      "self_attn.v_proj.lora_A.weight 3x40", "self_attn.v_proj.lora_B.weight 20x3"}));
}

// Rejected completions come last among the rows, so leaving them out moves no mask.
TEST(Lora, MmpoAtLambdaOneNeedsNoRejectedCompletionsWithDropout) {
  std::vector<Group> pairs;
  for (const Group& group : random_groups(131)) {
    if (group.completions.size() == 2) pairs.push_back(group);
  }
  ASSERT_EQ(pairs.size(), 2);
  const auto gradient = [&](int32_t score_rejected) {
    const auto model = adapted_model(lora(8, 0.3));
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
    const BatchBuilder builder = packed(pairs);
    const mmpo_batch batch = builder.batch();
    mmpo_objective settings = objective(MMPO_LOSS_MMPO, 0.01);
    settings.score_rejected = score_rejected;
    const std::vector<double> refs = {-12, -4, -300, -23};
    trainer.accumulate(batch, Objective(settings, batch, refs, std::nullopt));
    return trainer.gradients().cpu().clone();
  };
  EXPECT_TRUE(at::equal(gradient(1), gradient(0)));
}

}  // namespace
}  // namespace mmpo
