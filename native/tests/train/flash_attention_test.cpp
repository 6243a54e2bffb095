// Training and scoring of bfloat16 models whose attention is flash attention against the same on the CPU: the heads of Llama-3 and
// other sizes that FlashAttention-2 has kernels for, several query heads for one of keys, prompts shared by completions. With
// MMPO_TEST_DEVICE=cuda on the GPU; everywhere else the GPU's way, with a stand-in that asks for and rounds what the real one does.
#include <gtest/gtest.h>

#include "cuda/gpu_way.h"
#include "model_testing.h"
#include "train/trainer.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using testing::GpuWay;
using testing::random_tokens;

struct Heads {
  int64_t size, queries, keys;
};

class FlashAttentionTest : public ::testing::TestWithParam<Heads> {
 protected:
  void SetUp() override {
    if (cuda_is_built() && testing::test_device().is_cpu()) {
      GTEST_SKIP() << "this program has the CUDA side itself: MMPO_TEST_DEVICE=cuda runs it";
    }
    at::manual_seed(3);
    builder_.add(random_tokens(21, 300), {random_tokens(9, 300), random_tokens(40, 300)});
    builder_.add(random_tokens(1, 300), {random_tokens(1, 300), random_tokens(2, 300)});
    builder_.add(random_tokens(66, 300), {random_tokens(13, 300), random_tokens(3, 300)});
  }

  struct Outcome {
    std::vector<double> scored, trained;
    Tensor gradient;
  };

  Outcome run(at::ScalarType dtype, at::Device device) {
    mmpo_model_config config = testing::random_config();
    config.vocab_size = 300;
    config.hidden_size = 96;
    config.intermediate_size = 160;
    config.num_heads = GetParam().queries;
    config.num_kv_heads = GetParam().keys;
    config.head_dim = GetParam().size;
    testing::RandomWeights weights(config, 17);
    Model model(ModelConfig(config), weights.tensors(), dtype, device);
    if (dtype == at::kBFloat16 && is_gpu(device)) {
      EXPECT_TRUE(VarlenAttention::is_flash(device, dtype, model.decoder().attention_shape(0)));
    }
    const mmpo_batch batch = builder_.batch();
    Outcome outcome;
    outcome.scored = model.score(batch).logps;
    Trainer trainer(model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
    const mmpo_objective settings = testing::objective(MMPO_LOSS_DPO, 0.1);
    outcome.trained = trainer.accumulate(batch, Objective(settings, batch, ref_logps_, std::nullopt)).logps;
    outcome.gradient = trainer.gradients().cpu().clone();
    return outcome;
  }

  BatchBuilder builder_;
  const std::vector<double> ref_logps_{-60, -250, -6, -12, -80, -20};
};

double relative_error(const Tensor& found, const Tensor& expected) {
  return ((found - expected).norm() / expected.norm()).item<double>();
}

TEST_P(FlashAttentionTest, IsAsFarFromFloat32AsTheCpuIs) {
  const Outcome exact = run(at::kFloat, at::kCPU);
  const Outcome on_cpu = run(at::kBFloat16, at::kCPU);
  const at::Device device = testing::test_device();
  const GpuWay way(device.is_cpu());
  const Outcome found = run(at::kBFloat16, device);
  for (size_t c = 0; c < exact.scored.size(); ++c) {
    EXPECT_NEAR(found.scored[c], exact.scored[c], 2e-2 * std::abs(exact.scored[c])) << c;
    EXPECT_NEAR(found.trained[c], exact.trained[c], 2e-2 * std::abs(exact.trained[c])) << c;
  }
  EXPECT_LT(relative_error(found.gradient, exact.gradient), 1.5 * relative_error(on_cpu.gradient, exact.gradient));
}

INSTANTIATE_TEST_SUITE_P(Heads, FlashAttentionTest,
                         ::testing::Values(Heads{128, 4, 1}, Heads{128, 8, 2}, Heads{64, 9, 3}, Heads{80, 2, 2},
                                           Heads{96, 6, 2}),
                         [](const auto& test) {
                           return std::to_string(test.param.queries) + "Of" + std::to_string(test.param.size) + "Over" +
                                  std::to_string(test.param.keys);
                         });

}  // namespace
}  // namespace mmpo
