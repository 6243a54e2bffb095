// What the gradient of a step is: of which losses, of which completions and micro-batches; and what its update touches.
#include "train/trainer.h"

#include <gtest/gtest.h>

#include "cuda/gpu_way.h"
#include "train/training_run.h"

namespace mmpo {
namespace {

using testing::accumulate;
using testing::accumulate_chosen;
using testing::gradients;
using testing::kOptimizer;
using testing::objective;
using testing::random_config;
using testing::random_pairs;
using testing::relative_difference;
using testing::same_bits;
using testing::TokenPair;
using testing::TrainingRun;

class TrainerTest : public ::testing::TestWithParam<at::ScalarType> {};

INSTANTIATE_TEST_SUITE_P(Types, TrainerTest, ::testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& test) { return std::string(c10::toString(test.param)); });

// Slice by slice too: where a micro-batch is cut does not depend on what is scored. To the bit on the CPU; on a GPU cuBLAS chooses
// by the number of rows, to which those that are only scored belong, and so does what stands for it here.
void expect_no_rejected_completions_needed(at::ScalarType dtype) {
  const auto pairs = random_pairs(4, 1);
  mmpo_objective settings = objective(MMPO_LOSS_MMPO, 0.01);
  settings.scale = 0.25;
  auto scored = TrainingRun::sliced(80, dtype);
  const auto with = accumulate(scored.trainer, pairs, settings);
  settings.score_rejected = 0;
  auto left_out = TrainingRun::sliced(80, dtype);
  const auto without = accumulate(left_out.trainer, pairs, settings);
  const bool exact = !is_gpu(testing::test_device());
  const double limit = dtype == at::kFloat ? 1e-5 : 2e-2;
  const Tensor gradient = gradients(scored.trainer);
  EXPECT_TRUE(!exact || same_bits(gradient, gradients(left_out.trainer)));
  EXPECT_LT(relative_difference(gradient, gradients(left_out.trainer)), limit);
  const auto expect_equal = [&](double found, double expected) {
    EXPECT_NEAR(found, expected, exact ? 0 : limit * std::abs(expected));
  };
  for (size_t pair = 0; pair < pairs.size(); ++pair) {
    expect_equal(with.losses[pair], without.losses[pair]);
    expect_equal(with.logps[2 * pair], without.logps[2 * pair]);
    expect_equal(with.rewards[2 * pair], without.rewards[2 * pair]);
    EXPECT_TRUE(std::isfinite(with.logps[2 * pair + 1]) && std::isfinite(with.rewards[2 * pair + 1]));
    EXPECT_TRUE(std::isnan(without.logps[2 * pair + 1]) && std::isnan(without.rewards[2 * pair + 1]));
  }
}

TEST_P(TrainerTest, MmpoAtLambdaOneNeedsNoRejectedCompletions) { expect_no_rejected_completions_needed(GetParam()); }

TEST_P(TrainerTest, MmpoAtLambdaOneNeedsNoRejectedCompletionsTheGpusWay) {
  if (cuda_is_built()) GTEST_SKIP() << "this program has the CUDA side itself: MMPO_TEST_DEVICE=cuda runs it";
  const testing::GpuWay way;
  expect_no_rejected_completions_needed(GetParam());
}

TEST_P(TrainerTest, MmpoAtLambdaOneNeedsNoReferences) {
  const auto pairs = random_pairs(4, 1);
  mmpo_objective settings = objective(MMPO_LOSS_MMPO, 0.01);
  settings.score_rejected = 0;
  for (const int32_t length_normalize : {0, 1}) {
    settings.length_normalize = length_normalize;
    TrainingRun compared(GetParam());
    const auto with = accumulate(compared.trainer, pairs, settings);
    TrainingRun alone(GetParam());
    const auto without = accumulate(alone.trainer, pairs, settings, {});
    EXPECT_TRUE(same_bits(gradients(compared.trainer), gradients(alone.trainer)));
    for (size_t pair = 0; pair < pairs.size(); ++pair) {
      EXPECT_EQ(with.logps[2 * pair], without.logps[2 * pair]);
      EXPECT_TRUE(std::isfinite(with.losses[pair]));
      EXPECT_TRUE(std::isnan(without.losses[pair]) && std::isnan(without.rewards[2 * pair]));
    }
  }
  settings.score_rejected = 1;
  TrainingRun logged(GetParam());
  EXPECT_THROW(accumulate(logged.trainer, pairs, settings, {}), Error);
}

// Loss -s_w: the gradient of the chosen completion's likelihood, whatever the references are.
TEST_P(TrainerTest, MmpoAtLambdaOneIsLikelihoodOfTheChosen) {
  const auto pairs = random_pairs(4, 2);
  mmpo_objective settings = objective(MMPO_LOSS_MMPO, 0.01);
  settings.scale = 0.25;
  settings.score_rejected = 0;
  TrainingRun mmpo(GetParam());
  const auto preference = accumulate(mmpo.trainer, pairs, settings);
  TrainingRun sft(GetParam());
  const auto likelihood = accumulate_chosen(sft.trainer, pairs, 0.25);
  EXPECT_TRUE(same_bits(gradients(mmpo.trainer), gradients(sft.trainer)));
  ASSERT_EQ(likelihood.logps.size(), pairs.size());
  for (size_t pair = 0; pair < pairs.size(); ++pair) {
    EXPECT_EQ(likelihood.logps[pair], preference.logps[2 * pair]);
    EXPECT_EQ(likelihood.losses[pair], -likelihood.logps[pair]);
    EXPECT_TRUE(std::isnan(likelihood.rewards[pair]));
  }
}

// Linear and general road at once: lambda a hair from 1 takes the other one.
TEST(Trainer, MmpoIsContinuousAtLambdaOne) {
  const auto pairs = random_pairs(4, 3);
  mmpo_objective settings = objective(MMPO_LOSS_MMPO, 0.01);
  TrainingRun one;
  accumulate(one.trainer, pairs, settings);
  settings.aux_weight = 1 + 1e-9;
  TrainingRun beside;
  accumulate(beside.trainer, pairs, settings);
  EXPECT_LT(relative_difference(gradients(beside.trainer), gradients(one.trainer)), 1e-6);
}

TEST(Trainer, OneByEightAccumulationEqualsEightByOne) {
  const auto pairs = random_pairs(8, 4);
  mmpo_objective settings = objective(MMPO_LOSS_DPO, 0.1);
  settings.scale = 1.0 / 8;
  TrainingRun whole;
  accumulate(whole.trainer, pairs, settings);
  TrainingRun parts;
  for (const TokenPair& pair : pairs) accumulate(parts.trainer, {&pair, 1}, settings);
  EXPECT_LT(relative_difference(gradients(parts.trainer), gradients(whole.trainer)), 1e-6);
  EXPECT_NEAR(parts.trainer.step(0, 0), whole.trainer.step(0, 0), 1e-6);
}

class GradientOfAStep : public ::testing::TestWithParam<int32_t> {};

TEST_P(GradientOfAStep, IsItsMicroBatchesAlone) {
  mmpo_model_config config = random_config();
  config.tie_embeddings = config.qkv_bias = config.output_bias = GetParam();
  TrainingRun run(at::kFloat, kOptimizer, config);
  const auto gradient_of = [&](uint64_t seed) {
    accumulate(run.trainer, random_pairs(2, seed), objective(MMPO_LOSS_DPO, 0.1));
    return run.trainer.gradients().clone();
  };
  const Tensor first = gradient_of(6);
  EXPECT_GT(first.norm().item<double>(), 0);
  EXPECT_GT(run.trainer.step(0, 0), 0);
  EXPECT_EQ(run.trainer.step(0, 0), 0) << "without a micro-batch there is no gradient";
  gradient_of(7);
  EXPECT_GT(run.trainer.step(0, 0), 0);
  EXPECT_TRUE(gradient_of(6).equal(first)) << "something of the last step's gradient is left";
}

INSTANTIATE_TEST_SUITE_P(TiedWithBiasesOrNot, GradientOfAStep, ::testing::Values(0, 1));

// No gradient: what changes is decay alone.
TEST_P(TrainerTest, WeightDecayTouchesMatricesOnly) {
  TrainingRun run(GetParam(), {0.9, 0.999, 1e-8, 0.1, MMPO_RECOMPUTE_NONE, MMPO_ADAMW, 0});
  const Tensor before = run.trainer.parameters().clone();
  run.trainer.step(0.5, 0);
  for (const Parameter& parameter : run.model->decoder().layout().parameters()) {
    SCOPED_TRACE(parameter.name);
    const auto view = [&](const Tensor& flat) { return flat.narrow(0, parameter.offset, parameter.size()); };
    const Tensor found = view(run.trainer.parameters());
    const double factor = parameter.columns == 0 ? 1 : 1 - 0.5 * 0.1;
    EXPECT_LE((found - view(before) * factor).abs().max().item<double>(), parameter.columns == 0 ? 0 : 1e-7);
    EXPECT_TRUE(at::equal(view(run.model->decoder().flat()), found.to(GetParam())));
  }
}

}  // namespace
}  // namespace mmpo
