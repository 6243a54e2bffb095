// What a slice of a micro-batch asks of a GPU's allocator, to the byte as gpu_memory.json has it. There it stands beside what
// `mmpo plan` says, which GpuMemoryPlanTest.java checks: so neither side changes alone.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cuda/emulated_memory.h"
#include "cuda/gpu_way.h"
#include "model_testing.h"
#include "train/trainer.h"

namespace mmpo {
namespace {

using nlohmann::json;
using testing::BatchBuilder;
using testing::EmulatedMemory;
using testing::GpuWay;
using testing::random_tokens;

// The project's root is above the working directory, as in the build directory, where tests run.
json read_cases() {
  for (auto above = std::filesystem::current_path(); above.has_relative_path(); above = above.parent_path()) {
    std::ifstream file(above / "native" / "tests" / "train" / "gpu_memory.json");
    if (file) return json::parse(file);
  }
  return {};
}

mmpo_model_config config_of(const json& model, const json& c) {
  mmpo_model_config config = testing::random_config();
  config.vocab_size = c["vocab_size"];
  config.hidden_size = model["hidden_size"];
  config.intermediate_size = model["intermediate_size"];
  config.num_layers = model["num_layers"];
  config.num_heads = model["num_heads"];
  config.num_kv_heads = model["num_kv_heads"];
  config.head_dim = model["head_dim"];
  config.max_positions = model["max_positions"];
  config.qkv_bias = config.output_bias = 0;
  return config;
}

int32_t recompute_of(const json& c) {
  if (c["recompute"] == "NONE") return MMPO_RECOMPUTE_NONE;
  return c["recompute"] == "FULL" ? MMPO_RECOMPUTE_FULL : MMPO_RECOMPUTE_SELECTIVE;
}

BatchBuilder rows_of(const json& c, int64_t num_rows) {
  BatchBuilder builder;
  for (int64_t row = 0; row < num_rows; ++row) {
    std::vector<BatchBuilder::Tokens> completions;
    for (int i = 0; i < c["completions"].get<int>(); ++i) completions.push_back(random_tokens(c["completion"], 400));
    builder.add(random_tokens(c["prompt"], 400), completions);
  }
  return builder;
}

// Of DPO's step where a row has two completions, of supervised fine-tuning's where it has one.
int64_t bytes_asked(const json& model_sizes, const json& c) {
  const GpuWay way;
  const auto dtype = c["dtype"] == "bfloat16" ? at::kBFloat16 : at::kFloat;
  const auto model = testing::random_model(config_of(model_sizes, c), 5, dtype);
  if (const int64_t rank = c["lora_rank"]; rank > 0) {
    const int32_t attention = testing::module_set({MMPO_MODULE_Q, MMPO_MODULE_K, MMPO_MODULE_V, MMPO_MODULE_O});
    testing::set_adapter(*model, {rank, 2.0, 0, 11, attention});
  }
  EXPECT_EQ(VarlenAttention::is_flash(at::kCPU, dtype, model->decoder().attention_shape(0)), dtype == at::kBFloat16);
  Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, recompute_of(c), MMPO_ADAMW, 0});
  const bool is_sft = c["completions"] == 1;
  const auto accumulate = [&](const mmpo_batch& batch) {
    const std::vector<double> refs(is_sft ? 0 : static_cast<size_t>(batch.num_completions), -100);
    const mmpo_objective settings = testing::objective(is_sft ? MMPO_LOSS_SFT : MMPO_LOSS_DPO, 0.1);
    trainer.accumulate(batch, Objective(settings, batch, refs, std::nullopt));
  };
  // The tables of the rotation are made for the first batch, and stay.
  model->score(rows_of(c, 1).batch());
  const BatchBuilder builder = rows_of(c, c["rows"]);
  const EmulatedMemory memory;
  accumulate(builder.batch());
  return memory.peak();
}

TEST(GpuMemory, IsWhatPlanIsComparedWith) {
  if (cuda_is_built()) GTEST_SKIP() << "counted in the program that emulates";
  at::manual_seed(1);
  const json file = read_cases();
  ASSERT_FALSE(file.is_null()) << "native/tests/train/gpu_memory.json is not above the working directory";
  for (const json& c : file["cases"]) {
    EXPECT_EQ(bytes_asked(file["model"], c), c["asked"].get<int64_t>()) << c["name"];
  }
}

// A tensor that outlives the count, one that only a stand-in needs, and the most of two that never lie there together.
TEST(EmulatedMemory, CountsWhatIsHeldAtOnce) {
  at::Tensor kept;
  const EmulatedMemory memory;
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
}

}  // namespace
}  // namespace mmpo
