// An adapter in training: what it begins as, what is trained, what a restart and dropout do.
#include <gtest/gtest.h>

#include <numeric>

#include "common/error.h"
#include "cuda/gpu_way.h"
#include "model/lora_testing.h"

namespace mmpo {
namespace {

using testing::accumulate_sft;
using testing::adapted_model;
using testing::BatchBuilder;
using testing::Group;
using testing::kAttention;
using testing::lora;
using testing::module_set;
using testing::objective;
using testing::packed;
using testing::random_groups;
using testing::relative_difference;
using testing::Threads;
using testing::UniformLora;

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

// Beyond the last layer's attention it has the head's rows alone.
TEST_P(LoraTypes, WithoutABackwardPassTheHeadReadsTheSameBits) {
  if (testing::test_device().is_cuda()) GTEST_SKIP() << "cuBLAS chooses its kernels by the number of rows";
  const auto model = adapted_model(lora(3, 0.4), GetParam());
  const BatchBuilder builder = packed(random_groups(131));
  const mmpo_batch batch = builder.batch();
  const PackedBatch rows(batch, std::vector<Role>(static_cast<size_t>(batch.num_completions), Role::kScored),
                         model->device());
  ASSERT_LT(rows.head_rows_R.size(0), rows.num_rows);
  std::vector<int64_t> numbers(static_cast<size_t>(batch.num_groups));
  std::iota(numbers.begin(), numbers.end(), 5);
  DecoderTape tape;
  tape.dropout = model->decoder().adapter()->dropout_pass(3, rows.row_numbers(numbers));
  const Tensor expected_RH = model->predict(rows, tape).rows_RH;
  EXPECT_TRUE(at::equal(model->predict(rows, tape.dropout).rows_RH, expected_RH));
  EXPECT_FALSE(at::equal(model->predict(rows).rows_RH, expected_RH)) << "dropout changes nothing";
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

TEST(Lora, EveryStepAndSeedDrawsOtherMasks) {
  const auto model = adapted_model(lora(8, 0.3));
  const Adapter& adapter = *model->decoder().adapter();
  const uint64_t key = adapter.dropout_pass(0, {}).key;
  EXPECT_EQ(adapter.dropout_pass(0, {}).key, key);
  EXPECT_NE(adapter.dropout_pass(1, {}).key, key);
  UniformLora other_seed = lora(8, 0.3);
  other_seed.seed = 78;
  EXPECT_NE(adapted_model(other_seed)->decoder().adapter()->dropout_pass(0, {}).key, key);
}

// However the groups of an update are cut into slices and micro-batches, each has its masks: with other ones the gradients would differ
// by tens of percent. The last run takes the second micro-batch's numbers for the first, which they are not.
TEST(Lora, MasksAreAFunctionOfTheGroupsNumberInTheUpdate) {
  const auto groups = random_groups(131);
  const auto gradient = [&](size_t first_part, int64_t slice_tokens, const std::vector<int64_t>& numbers_of_second) {
    const auto model = adapted_model(lora(8, 0.3));
    model->set_slice_tokens(slice_tokens);
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
    const auto middle = groups.begin() + static_cast<std::ptrdiff_t>(first_part);
    accumulate_sft(trainer, {groups.begin(), middle});
    trainer.expect_groups(numbers_of_second);
    if (middle != groups.end()) accumulate_sft(trainer, {middle, groups.end()});
    return trainer.gradients().cpu().clone();
  };
  std::vector<int64_t> rest(groups.size() - 1);
  std::iota(rest.begin(), rest.end(), 1);
  std::vector<int64_t> shifted(rest.size());
  std::iota(shifted.begin(), shifted.end(), 0);
  const Tensor whole = gradient(groups.size(), 1 << 20, {});
  EXPECT_LT(relative_difference(gradient(groups.size(), 1, {}), whole), 1e-6);
  EXPECT_LT(relative_difference(gradient(1, 1 << 20, {}), whole), 1e-6);
  EXPECT_LT(relative_difference(gradient(1, 1 << 20, rest), whole), 1e-6);
  EXPECT_GT(relative_difference(gradient(1, 1 << 20, shifted), whole), 1e-2);
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

// A row's number is its place in the caller's order, so that leaving others out moves no mask. To the bit on the CPU, as without
// dropout (trainer_test.cpp).
void expect_no_rejected_completions_needed_with_dropout() {
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
  const Tensor with = gradient(1), without = gradient(0);
  EXPECT_TRUE(is_gpu(testing::test_device()) || at::equal(with, without));
  EXPECT_LT(relative_difference(with, without), 1e-5);
}

TEST(Lora, MmpoAtLambdaOneNeedsNoRejectedCompletionsWithDropout) {
  expect_no_rejected_completions_needed_with_dropout();
}

TEST(Lora, MmpoAtLambdaOneNeedsNoRejectedCompletionsWithDropoutTheGpusWay) {
  if (cuda_is_built()) GTEST_SKIP() << "this program has the CUDA side itself: MMPO_TEST_DEVICE=cuda runs it";
  const testing::GpuWay way;
  expect_no_rejected_completions_needed_with_dropout();
}

}  // namespace
}  // namespace mmpo
