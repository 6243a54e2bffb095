// What a training step asks of a GPU's allocator, to the byte as gpu_memory.json has it. GpuMemoryPlanTest.java holds what
// `mmpo plan` says to the same numbers: so neither side changes alone.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cuda/emulated_memory.h"
#include "cuda/gpu_way.h"
#include "cuda/sizes_alone.h"
#include "model_testing.h"
#include "train/trainer.h"

namespace mmpo {
namespace {

using nlohmann::json;
using testing::BatchBuilder;
using testing::EmulatedMemory;
using testing::GpuWay;
using testing::SizesAlone;

// The project's root is above the working directory, as in the build directory, where tests run.
json read_cases() {
  for (auto above = std::filesystem::current_path(); above.has_relative_path(); above = above.parent_path()) {
    std::ifstream file(above / "native" / "tests" / "train" / "gpu_memory.json");
    if (file) return json::parse(file);
  }
  return {};
}

mmpo_model_config config_of(const json& sizes) {
  mmpo_model_config config = testing::random_config();
  config.vocab_size = sizes["vocab_size"];
  config.hidden_size = sizes["hidden_size"];
  config.intermediate_size = sizes["intermediate_size"];
  config.num_layers = sizes["num_layers"];
  config.num_heads = sizes["num_heads"];
  config.num_kv_heads = sizes["num_kv_heads"];
  config.head_dim = sizes["head_dim"];
  config.max_positions = sizes["max_positions"];
  config.qkv_bias = sizes.value("qkv_bias", false) ? 1 : 0;
  config.output_bias = sizes.value("output_bias", false) ? 1 : 0;
  config.tie_embeddings = sizes.value("tie_embeddings", false) ? 1 : 0;
  config.qk_norm = sizes.value("qk_norm", false) ? 1 : 0;
  return config;
}

at::ScalarType dtype_of(const json& c) { return c["dtype"] == "float32" ? at::kFloat : at::kBFloat16; }
WeightForm form_of(const json& c) {
  return c["dtype"] == "bfloat16 over fp8" ? WeightForm::kQuantized : WeightForm::kPlain;
}

// One whose weights nobody reads.
std::unique_ptr<Model> model_of_sizes(const mmpo_model_config& settings, at::ScalarType dtype, WeightForm form) {
  const ModelConfig config(settings);
  const ParameterLayout layout(config);
  std::vector<mmpo_tensor> tensors;
  for (const Parameter& parameter : layout.parameters()) {
    const int32_t num_dims = parameter.columns == 0 ? 1 : 2;
    tensors.push_back({parameter.name.c_str(), nullptr, {parameter.rows, parameter.columns}, num_dims, MMPO_FLOAT32});
  }
  return std::make_unique<Model>(config, tensors, dtype, at::kCPU, [](size_t, int64_t, int64_t, void*) {}, form);
}

int32_t recompute_of(const json& c) {
  if (c["recompute"] == "NONE") return MMPO_RECOMPUTE_NONE;
  return c["recompute"] == "FULL" ? MMPO_RECOMPUTE_FULL : MMPO_RECOMPUTE_SELECTIVE;
}

int32_t loss_of(const json& c) {
  if (c["loss"] == "SFT") return MMPO_LOSS_SFT;
  return c["loss"] == "MMPO" ? MMPO_LOSS_MMPO : MMPO_LOSS_DPO;
}

void set_adapter(Model& model, const json& lora) {
  static constexpr const char* names[] = {"Q", "K", "V", "O", "GATE", "UP", "DOWN"};
  std::vector<mmpo_lora_module> modules;
  for (int64_t layer = 0; layer < model.decoder().config()->num_layers; ++layer) {
    for (int32_t module = MMPO_MODULE_Q; module <= MMPO_MODULE_DOWN; ++module) {
      if (lora["modules"].contains(names[module])) {
        modules.push_back({layer, lora["modules"][names[module]].get<int64_t>(), 2.0, module});
      }
    }
  }
  model.set_adapter({modules.data(), static_cast<int64_t>(modules.size()), lora.value("dropout", 0.0), 11, 0}, {});
}

BatchBuilder rows_of(const json& c) {
  BatchBuilder builder;
  for (const json& group : c["groups"]) {
    std::vector<BatchBuilder::Tokens> completions;
    for (size_t i = 1; i < group.size(); ++i) completions.emplace_back(group[i].get<size_t>(), 7);
    builder.add(BatchBuilder::Tokens(group[0].get<size_t>(), 5), completions);
  }
  return builder;
}

struct Asked {
  int64_t step;  // beyond what lies there from one step to the next
  int64_t run;  // at most from the model's making on
};

// A model, a trainer, a step. With alone nothing is computed.
Asked asked(const json& sizes, const json& c, bool alone) {
  const GpuWay way;
  std::optional<SizesAlone> sizes_alone;
  if (alone) sizes_alone.emplace();
  EmulatedMemory memory;
  const auto model = alone ? model_of_sizes(config_of(sizes), dtype_of(c), form_of(c))
                           : testing::random_model(config_of(sizes), 5, dtype_of(c), form_of(c));
  if (c.contains("slice_tokens")) model->set_slice_tokens(c["slice_tokens"]);
  if (c.contains("lora")) set_adapter(*model, c["lora"]);
  Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, recompute_of(c), MMPO_ADAMW, 0});
  const BatchBuilder builder = rows_of(c);
  const mmpo_batch batch = builder.batch();
  // The tables of the rotation are made for the first batch, and stay.
  model->score(batch);
  const int64_t held = memory.held();
  const int64_t before = memory.peak();
  memory.restart();
  const bool has_references = loss_of(c) != MMPO_LOSS_SFT;
  const std::vector<double> refs(has_references ? static_cast<size_t>(batch.num_completions) : 0, -100);
  mmpo_objective settings = testing::objective(loss_of(c), 0.1);
  settings.entropy_weight = c.value("entropy_weight", 0.0);
  settings.use_weighting = c.value("use_weighting", false) ? 1 : 0;
  trainer.accumulate(batch, Objective(settings, batch, refs, std::nullopt));
  const int64_t step = memory.peak();
  trainer.step(1e-3, 1.0);
  return {step - held, std::max(before, memory.peak())};
}

// Whether fibers compute it within seconds; of the recompute modes one.
bool is_small(const json& sizes, const json& c) {
  const BatchBuilder rows = rows_of(c);
  return sizes["hidden_size"] <= 256 && sizes["vocab_size"] < 1000 && rows.batch().num_tokens <= 175 &&
         c["recompute"] == "SELECTIVE";
}

class GpuMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda_is_built()) GTEST_SKIP() << "counted in the program that emulates";
    file_ = read_cases();
    ASSERT_FALSE(file_.is_null()) << "native/tests/train/gpu_memory.json is not above the working directory";
  }

  const json& sizes(const json& c) const { return file_["models"][c["model"].get<std::string>()]; }

  json file_;
};

TEST_F(GpuMemory, IsWhatPlanIsComparedWith) {
  for (const json& c : file_["cases"]) {
    const Asked found = asked(sizes(c), c, true);
    EXPECT_EQ(found.step, c["step"].get<int64_t>()) << c["name"] << ", its step";
    if (c.contains("run")) {
      EXPECT_EQ(found.run, c["run"].get<int64_t>()) << c["name"] << ", the run";
    }
  }
}

// That nothing is computed changes no byte: where computing is a matter of moments, it asks for the same.
TEST_F(GpuMemory, IsThatOfAStepThatComputes) {
  at::manual_seed(1);
  int num_computed = 0;
  for (const json& c : file_["cases"]) {
    if (!is_small(sizes(c), c)) continue;
    EXPECT_EQ(asked(sizes(c), c, false).step, c["step"].get<int64_t>()) << c["name"];
    ++num_computed;
  }
  EXPECT_GT(num_computed, 4);
}

// A tensor that outlives the count, one that only a stand-in needs, and the most of two that never lie there together.
TEST(EmulatedMemory, CountsWhatIsHeldAtOnce) {
  at::Tensor kept;
  EmulatedMemory memory;
  {
    const at::Tensor first = at::empty({1000}, at::kFloat);
  }
  kept = at::empty({2000}, at::kByte);
  {
    const testing::UncountedMemory uncounted;
    const at::Tensor of_the_stand_in = at::empty({100000}, at::kByte);
  }
  const at::Tensor second = at::empty({3000}, at::kByte);
  EXPECT_EQ(memory.peak(), 5000);
  memory.restart();
  EXPECT_EQ(memory.held(), 5000);
  EXPECT_EQ(memory.peak(), 5000);
}

}  // namespace
}  // namespace mmpo
