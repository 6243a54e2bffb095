// What a layer's forward and backward ask of a GPU: launches, counted as the difference between a model of three layers and one of
// two, and memory. A host that queues launches slower than a small model's are computed is what its speed is.
#include <gtest/gtest.h>

#include <cstdio>

#include "cuda/emulator.h"
#include "cuda/gpu_way.h"
#include "generate/generator.h"
#include "model_testing.h"
#include "operations.h"
#include "train/trainer.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using testing::module_set;
using testing::random_tokens;

constexpr int32_t kAttention = module_set({MMPO_MODULE_Q, MMPO_MODULE_K, MMPO_MODULE_V, MMPO_MODULE_O});
constexpr int32_t kMlp = module_set({MMPO_MODULE_GATE, MMPO_MODULE_UP, MMPO_MODULE_DOWN});

struct Launches {
  int64_t kernels = 0;  // our own
  std::map<std::string, int64_t> operations;  // LibTorch's

  int64_t of(const std::string& name) const { return operations.contains(name) ? operations.at(name) : 0; }
  int64_t products() const { return of("aten::mm") + of("aten::addmm") + of("aten::_scaled_mm"); }
  int64_t total() const {
    int64_t sum = kernels;
    for (const auto& [name, count] : operations) sum += count;
    return sum;
  }
  Launches operator-(const Launches& other) const {
    Launches difference = *this;
    difference.kernels -= other.kernels;
    for (auto& [name, number] : difference.operations) number -= other.of(name);
    return difference;
  }
  void print(const char* what) const {
    std::printf("%s, a layer: %ld launches: %ld kernels of ours", what, static_cast<long>(total()),
                static_cast<long>(kernels));
    for (const auto& [name, count] : operations) {
      if (count != 0) std::printf(", %ld %s", static_cast<long>(count), name.c_str());
    }
    std::printf("\n");
  }
};

// One micro-batch in bfloat16, whose attention is flash attention: of DPO, of supervised fine-tuning where a prompt has one completion,
// or scored.
struct Pass {
  int32_t targets = 0;
  int32_t recompute = MMPO_RECOMPUTE_SELECTIVE;
  bool is_pair = true;
  bool trains = true;
  WeightForm form = WeightForm::kPlain;
};

Launches count(int64_t num_layers, const Pass& pass, std::set<std::string>* outside = nullptr) {
  mmpo_model_config config = testing::random_config();
  config.num_layers = num_layers;
  config.hidden_size = 48;
  config.intermediate_size = 64;
  config.head_dim = 16;
  config.qkv_bias = config.output_bias = 0;
  const auto model = testing::random_model(config, 5, at::kBFloat16, pass.form);
  if (pass.targets != 0) testing::set_adapter(*model, {4, 2.0, 0, 11, pass.targets});
  Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, pass.recompute, MMPO_ADAMW, 0});
  at::manual_seed(1);
  BatchBuilder builder;
  std::vector<BatchBuilder::Tokens> completions{random_tokens(5, 100)};
  if (pass.is_pair) completions.push_back(random_tokens(8, 100));
  builder.add(random_tokens(9, 100), completions);
  const mmpo_batch batch = builder.batch();
  const std::vector<double> refs(pass.is_pair ? 2 : 0, -20);
  const mmpo_objective settings = testing::objective(pass.is_pair ? MMPO_LOSS_DPO : MMPO_LOSS_SFT, 0.1);
  const Objective objective(settings, batch, refs, std::nullopt);
  const testing::GpuWay way;
  const int64_t before = emulator::num_launches();
  const testing::RecordedOperations recorded;
  if (pass.trains) {
    trainer.accumulate(batch, objective);
  } else {
    model->score(batch);
  }
  if (outside != nullptr) *outside = recorded.outside_inference_mode();
  return {emulator::num_launches() - before, recorded.launches()};
}

Launches of_a_layer(const Pass& pass) { return count(3, pass) - count(2, pass); }

class LaunchesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda_is_built()) GTEST_SKIP() << "counted in the program that emulates";
  }
};

// Forward: two norms, the rotation, the activation. Backward: the same, of whose norms the weights' gradients are a launch more.
// Selective recomputation makes both norms and the activation again where something reads them.
TEST_F(LaunchesTest, OfALayerAreThoseThatItNeeds) {
  const Launches none = of_a_layer({.recompute = MMPO_RECOMPUTE_NONE});
  const Launches full = of_a_layer({});
  const Launches all = of_a_layer({.targets = testing::kAllLinear});
  const Launches attention = of_a_layer({.targets = kAttention});
  const Launches mlp = of_a_layer({.targets = kMlp});
  none.print("all weights, nothing recomputed");
  full.print("all weights");
  all.print("LoRA on all");
  attention.print("LoRA on attention");
  mlp.print("LoRA on the MLP");
  EXPECT_EQ(full.kernels, none.kernels + 3);
  EXPECT_EQ(attention.kernels, all.kernels - 2)
      << "the MLP's norm and activation are made again, and nothing reads them";
  EXPECT_EQ(mlp.kernels, all.kernels - 1) << "the attention's norm is made again, and nothing reads it";
  EXPECT_EQ(full.products(), 4 + 8);
}

// A frozen projection in e4m3: forward its input is rounded, and what residuals are added to is no product's addend; backward its output's
// gradient is rounded and the matrix turned.
TEST_F(LaunchesTest, OfALayerOverFp8AreTheRoundingsAndTurnsMore) {
  const Launches plain = of_a_layer({.targets = testing::kAllLinear});
  const Launches over_fp8 = of_a_layer({.targets = testing::kAllLinear, .form = WeightForm::kQuantized});
  over_fp8.print("LoRA on all over fp8");
  EXPECT_EQ(over_fp8.of("aten::_scaled_mm"), 4 + 4);
  EXPECT_EQ(over_fp8.products(), plain.products());
  EXPECT_EQ(over_fp8.kernels, plain.kernels + 4 + 4 * 2);
  EXPECT_EQ(over_fp8.of("aten::add"), 2);
  EXPECT_EQ(over_fp8.of(testing::RecordedOperations::kAddendCopy), 0);
  EXPECT_EQ(over_fp8.total(), plain.total() + 4 + 4 * 2);
}

// What flash attention wrote is read where it lies, and where nothing is gathered its gradients go into one matrix at once. Two
// residuals are copied where backward reads them again, before products are added to them; without a backward pass they are added to
// where they are.
TEST_F(LaunchesTest, OfAttentionAreTheCallsAndOneMore) {
  const Launches alone = of_a_layer({.is_pair = false});
  const Launches scored = of_a_layer({.is_pair = false, .trains = false});
  const Launches scored_pair = of_a_layer({.trains = false});
  alone.print("all weights, one completion a prompt");
  scored.print("scored");
  scored_pair.print("scored, two completions a prompt");
  EXPECT_EQ(alone.of("aten::_flash_attention_forward"), 1);
  EXPECT_EQ(alone.of("aten::_flash_attention_backward"), 1);
  EXPECT_EQ(alone.of("aten::cat"), 1);
  EXPECT_EQ(alone.of("aten::copy_"), 0);
  EXPECT_EQ(alone.of("aten::index_select"), 0);
  EXPECT_EQ(alone.of(testing::RecordedOperations::kAddendCopy), 2);
  EXPECT_EQ(scored.total(), scored.kernels + scored.products() + 1);
  EXPECT_EQ(scored_pair.total(), scored.total() + 1) << "keys and values are gathered at once";
}

// One token more of three prompts, a layer: keys and values are put into the cache, and read there.
TEST_F(LaunchesTest, OfADecodingStepAreThoseThatItNeeds) {
  const auto generated = [](int64_t num_layers, int64_t num_tokens) {
    mmpo_model_config config = testing::random_config();
    config.num_layers = num_layers;
    config.head_dim = 16;
    config.qkv_bias = config.output_bias = 0;
    const auto model = testing::random_model(config, 5, at::kBFloat16);
    const std::vector<int32_t> tokens{1, 2, 3, 4, 5, 6}, lengths{2, 1, 3};
    const mmpo_sampling sampling{.temperature = 1, .top_p = 0.9, .top_k = 0, .seed = 1, .max_new_tokens = num_tokens};
    const testing::GpuWay way;
    const int64_t before = emulator::num_launches();
    const testing::RecordedOperations recorded;
    generate(*model, {tokens.data(), lengths}, {}, sampling);
    return Launches{emulator::num_launches() - before, recorded.launches()};
  };
  const Launches step = generated(3, 4) - generated(3, 3) - (generated(2, 4) - generated(2, 3));
  step.print("decoding");
  EXPECT_EQ(step.kernels, 4) << "two norms, the rotation and the activation";
  EXPECT_EQ(step.of("aten::_flash_attention_forward"), 1);
  EXPECT_EQ(step.of("aten::index_copy_"), 2);
  EXPECT_EQ(step.total(), step.kernels + step.products() + 3);
}

TEST_F(LaunchesTest, NoOperationAsksForAutograd) {
  std::set<std::string> outside{"something"};
  count(2, {.targets = kAttention}, &outside);
  for (const std::string& name : outside) ADD_FAILURE() << name;
}

}  // namespace
}  // namespace mmpo
