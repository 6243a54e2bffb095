// What a layer's forward and backward ask of a GPU: launches, counted as the difference between a model of three layers and one of
// two, and memory. A host that queues launches slower than a small model's are computed is what its speed is.
#include <gtest/gtest.h>

#include <cstdio>

#include "cuda/emulator.h"
#include "cuda/gpu_way.h"
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
  int64_t products() const { return of("aten::mm") + of("aten::addmm"); }
  int64_t total() const {
    int64_t sum = kernels;
    for (const auto& [name, count] : operations) sum += count;
    return sum;
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

// One micro-batch of DPO in float32 (a bfloat16 product into float32 is one launch on a GPU, and not here), so attention is left
// out of what is compared below.
Launches count(int64_t num_layers, int32_t targets, int32_t recompute, std::set<std::string>* outside = nullptr) {
  mmpo_model_config config = testing::random_config();
  config.num_layers = num_layers;
  config.qkv_bias = config.output_bias = 0;
  const auto model = testing::random_model(config, 5);
  if (targets != 0) testing::set_adapter(*model, {4, 2.0, 0, 11, targets});
  Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, recompute, MMPO_ADAMW, 0});
  at::manual_seed(1);
  BatchBuilder builder;
  builder.add(random_tokens(9, 100), {random_tokens(5, 100), random_tokens(8, 100)});
  const mmpo_batch batch = builder.batch();
  const std::vector<double> refs{-20, -30};
  const mmpo_objective settings = testing::objective(MMPO_LOSS_DPO, 0.1);
  const Objective objective(settings, batch, refs, std::nullopt);
  const testing::GpuWay way;
  const int64_t before = emulator::num_launches();
  const testing::RecordedOperations recorded;
  trainer.accumulate(batch, objective);
  if (outside != nullptr) *outside = recorded.outside_inference_mode();
  return {emulator::num_launches() - before, recorded.launches()};
}

Launches of_a_layer(int32_t targets, int32_t recompute = MMPO_RECOMPUTE_SELECTIVE) {
  const Launches two = count(2, targets, recompute);
  Launches difference = count(3, targets, recompute);
  difference.kernels -= two.kernels;
  for (auto& [name, number] : difference.operations) number -= two.of(name);
  return difference;
}

class LaunchesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda_is_built()) GTEST_SKIP() << "counted in the program that emulates";
  }
};

// Forward: two norms, the rotation, the activation. Backward: the same, of whose norms the weights' gradients are a launch more.
// Selective recomputation makes both norms and the activation again where something reads them.
TEST_F(LaunchesTest, OfALayerAreThoseThatItNeeds) {
  const Launches none = of_a_layer(0, MMPO_RECOMPUTE_NONE);
  const Launches full = of_a_layer(0);
  const Launches all = of_a_layer(testing::kAllLinear);
  const Launches attention = of_a_layer(kAttention);
  const Launches mlp = of_a_layer(kMlp);
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

TEST_F(LaunchesTest, NoOperationAsksForAutograd) {
  std::set<std::string> outside{"something"};
  count(2, kAttention, MMPO_RECOMPUTE_SELECTIVE, &outside);
  for (const std::string& name : outside) ADD_FAILURE() << name;
}

}  // namespace
}  // namespace mmpo
