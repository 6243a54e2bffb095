// The GPU's way through training, scoring and generation (its kernels as fibers, attention as one variable-length problem, the
// loss's weights made without the host) against the CPU's, on the same memory. What this cannot see: what only another memory
// shows, cuBLAS, and flash attention.
#include <gtest/gtest.h>

#include "cuda/gpu_way.h"
#include "generate/generator.h"
#include "model_testing.h"
#include "train/trainer.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using testing::GpuWay;
using testing::objective;
using testing::random_model;
using testing::random_tokens;

struct Case {
  const char* name;
  int32_t loss;
  double aux_weight;
  at::ScalarType dtype;
  int64_t lora_rank;
  int32_t optimizer, recompute;
};

struct Outcome {
  Trainer::Result first, second;
  double norm;
  Tensor gradient, parameters;
};

class EmulatedGpuTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (cuda_is_built()) GTEST_SKIP() << "this program has the CUDA side itself: MMPO_TEST_DEVICE=cuda runs it";
  }
};

Outcome train(const Case& c, const mmpo_batch& batch, bool gpu_way) {
  const GpuWay way(gpu_way);
  const auto model = random_model(testing::wide_config(), 4, c.dtype);
  if (c.lora_rank > 0) {
    testing::set_adapter(*model, {c.lora_rank, 2.0, 0.25, 11});
    // B is zero at first, and A would have no gradient.
    at::manual_seed(8);
    model->decoder().adapter()->flat().copy_(at::randn({model->decoder().adapter()->layout().size()}) * 0.1);
    model->decoder().adapter()->refresh();
  }
  Trainer trainer(*model, {0.9, 0.999, 1e-8, 0.01, c.recompute, c.optimizer, 0});
  mmpo_objective settings = objective(c.loss, 0.2);
  settings.aux_weight = c.aux_weight;
  settings.scale = 0.5;
  const std::vector<double> ref_logps{-30, -40, -8, -33};
  const Objective objective(settings, batch, ref_logps, std::nullopt);
  Outcome outcome;
  outcome.first = trainer.accumulate(batch, objective);
  outcome.gradient = trainer.gradients().clone();
  outcome.norm = trainer.step(1e-3, 1.0);
  outcome.parameters = trainer.parameters().clone();
  outcome.second = trainer.accumulate(batch, objective);
  return outcome;
}

double relative_error(const Tensor& found, const Tensor& expected) {
  return ((found - expected).norm() / expected.norm()).item<double>();
}

TEST_P(EmulatedGpuTest, TrainsAsTheCpuDoes) {
  at::manual_seed(2);
  BatchBuilder builder;
  builder.add(random_tokens(9, 1000), {random_tokens(5, 1000), random_tokens(8, 1000)});
  builder.add(random_tokens(4, 1000), {random_tokens(1, 1000), random_tokens(6, 1000)});
  const mmpo_batch batch = builder.batch();
  const Outcome expected = train(GetParam(), batch, false);
  const Outcome found = train(GetParam(), batch, true);
  const bool narrow = GetParam().dtype == at::kBFloat16;
  const double limit = narrow ? 3e-2 : 2e-5;
  for (size_t c = 0; c < expected.first.logps.size(); ++c) {
    EXPECT_NEAR(found.first.logps[c], expected.first.logps[c],
                (narrow ? 1e-2 : 1e-5) * std::abs(expected.first.logps[c]));
    EXPECT_NEAR(found.second.logps[c], expected.second.logps[c],
                (narrow ? 2e-2 : 1e-3) * std::abs(expected.second.logps[c]));
  }
  if (narrow) {
    // Rounded elsewhere, as far from float32 as the CPU is.
    Case wide = GetParam();
    wide.dtype = at::kFloat;
    const Tensor exact = train(wide, batch, false).gradient;
    EXPECT_LT(relative_error(found.gradient, exact), 1.25 * relative_error(expected.gradient, exact));
  } else {
    EXPECT_LT(relative_error(found.gradient, expected.gradient), limit);
  }
  EXPECT_NEAR(found.norm, expected.norm, limit * expected.norm);
  EXPECT_LT(relative_error(found.parameters, expected.parameters), narrow ? 5e-3 : 1e-3);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, EmulatedGpuTest,
    ::testing::Values(
        Case{"DpoInFloat32", MMPO_LOSS_DPO, 1, at::kFloat, 0, MMPO_ADAMW, MMPO_RECOMPUTE_SELECTIVE},
        Case{"DpoInBfloat16With8BitAdam", MMPO_LOSS_DPO, 1, at::kBFloat16, 0, MMPO_ADAMW_8BIT, MMPO_RECOMPUTE_FULL},
        Case{"MmpoLora", MMPO_LOSS_MMPO, 1, at::kFloat, 4, MMPO_ADAMW, MMPO_RECOMPUTE_NONE},
        Case{"SimpoLoraInBfloat16", MMPO_LOSS_SIMPO, 1, at::kBFloat16, 4, MMPO_ADAMW, MMPO_RECOMPUTE_SELECTIVE},
        Case{"MmpoHalfAuxiliary", MMPO_LOSS_MMPO, 0.5, at::kFloat, 0, MMPO_ADAMW_8BIT, MMPO_RECOMPUTE_NONE}),
    [](const auto& test) { return std::string(test.param.name); });

// Read one behind the slice that is queued: each the scores of its own row.
TEST(EmulatedGpu, ScoresOfSlicesAreThoseOfTheirRows) {
  if (cuda_is_built()) GTEST_SKIP() << "this program has the CUDA side itself: MMPO_TEST_DEVICE=cuda runs it";
  const GpuWay way;
  const auto model = random_model(testing::wide_config(), 4);
  const ScoresWanted wanted{.log_squares = true, .greedy = true};
  model->set_slice_tokens(1);
  BatchBuilder all;
  Model::Scores expected;
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  at::manual_seed(3);
  for (const int64_t length : {9, 4, 30, 1}) {
    const auto prompt = random_tokens(length, 1000), completion = random_tokens(2 * length, 1000);
    all.add(prompt, {completion});
    BatchBuilder one;
    one.add(prompt, {completion});
    const Model::Scores scores = model->score(one.batch(), wanted);
    append(expected.logps, scores.logps);
    append(expected.token_logps, scores.token_logps);
    append(expected.token_log_squares, scores.token_log_squares);
    append(expected.greedy, scores.greedy);
  }
  const Model::Scores found = model->score(all.batch(), wanted);
  EXPECT_EQ(found.logps, expected.logps);
  EXPECT_EQ(found.token_logps, expected.token_logps);
  EXPECT_EQ(found.token_log_squares, expected.token_log_squares);
  EXPECT_EQ(found.greedy, expected.greedy);
}

TEST(EmulatedGpu, GeneratesWhatTheCpuDoes) {
  if (cuda_is_built()) GTEST_SKIP() << "this program has the CUDA side itself: MMPO_TEST_DEVICE=cuda runs it";
  const auto model = random_model(testing::random_config(), 6);
  const std::vector<int32_t> tokens{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<int32_t> lengths{2, 4, 3};
  const Prompts prompts{tokens.data(), lengths};
  const auto sampling = [](double temperature, double top_p, int64_t top_k) {
    return mmpo_sampling{.temperature = temperature, .top_p = top_p, .top_k = top_k, .seed = 4, .max_new_tokens = 12};
  };
  for (const auto& settings : {sampling(0, 1, 0), sampling(1, 1, 0), sampling(1.5, 0.9, 40)}) {
    const auto expected = generate(*model, prompts, {}, settings);
    const GpuWay way(true);
    EXPECT_EQ(generate(*model, prompts, {}, settings), expected) << "temperature " << settings.temperature;
  }
}

}  // namespace
}  // namespace mmpo
