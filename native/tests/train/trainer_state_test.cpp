// What a trainer holds between steps: the same bits in every run, after a restart, with any number of threads; none of a step that fails.
#include <gtest/gtest.h>

#include <cstring>

#include "train/training_run.h"

namespace mmpo {
namespace {

using testing::accumulate;
using testing::accumulate_chosen;
using testing::BatchBuilder;
using testing::expect_same_state;
using testing::kOptimizer;
using testing::objective;
using testing::random_pairs;
using testing::same_bits;
using testing::Threads;
using testing::TokenPair;
using testing::TrainingRun;

class TrainerState : public ::testing::TestWithParam<at::ScalarType> {};

INSTANTIATE_TEST_SUITE_P(Types, TrainerState, ::testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& test) { return std::string(c10::toString(test.param)); });

TEST_P(TrainerState, RunsAreEqualToTheBit) {
  TrainingRun first(GetParam());
  first.steps(0, 3);
  TrainingRun second(GetParam());
  second.steps(0, 3);
  expect_same_state(first, second);
}

// Wide and long enough that every kernel shares its rows out.
TEST_P(TrainerState, RunsAreEqualToTheBitForAnyNumberOfThreads) {
  const auto run = [&](int num_threads) {
    const Threads threads(num_threads);
    auto result = std::make_unique<TrainingRun>(GetParam(), kOptimizer, testing::wide_config());
    for (uint64_t micro_batch = 0; micro_batch < 2; ++micro_batch) {
      accumulate(result->trainer, random_pairs(6, 300 + micro_batch, 120), objective(MMPO_LOSS_DPO, 0.1));
    }
    result->trainer.step(1e-3, 1.0);
    return result;
  };
  const auto one = run(1);
  for (const int num_threads : {2, 3}) {
    SCOPED_TRACE(num_threads);
    const auto many = run(num_threads);
    expect_same_state(*one, *many);
  }
}

TEST_P(TrainerState, RestoredRunEndsOnTheSameBits) {
  for (const int32_t optimizer : {MMPO_ADAMW, MMPO_ADAMW_8BIT}) {
    mmpo_optimizer_config config = kOptimizer;
    config.optimizer = optimizer;
    TrainingRun straight(GetParam(), config, testing::wide_config());
    straight.steps(0, 4);
    TrainingRun stopped(GetParam(), config, testing::wide_config());
    stopped.steps(0, 2);
    TrainingRun restored(GetParam(), config, testing::wide_config());
    restored.steps(7, 8);  // state of its own that restoring must replace
    for (const int32_t state : {MMPO_STATE_PARAMETERS, MMPO_STATE_OPTIMIZER}) {
      const auto& saved = stopped.trainer.state(state);
      for (size_t i = 0; i < saved.size(); ++i) restored.trainer.state(state)[i].values.copy_(saved[i].values);
    }
    restored.trainer.restore(2);
    EXPECT_EQ(restored.trainer.num_steps(), 2);
    restored.steps(2, 4);
    expect_same_state(restored, straight);
  }
}

// The embedding and what has fewer than 4,096 elements keep 8 bytes an element, all else takes 2 and a scale for 256.
TEST(TrainerMasters, EightBitStateIsAQuarterAndAllThereIs) {
  mmpo_optimizer_config config = kOptimizer;
  config.optimizer = MMPO_ADAMW_8BIT;
  TrainingRun run(at::kFloat, config, testing::wide_config());
  size_t expected = 0;
  int num_quantized = 0;
  for (const Parameter& parameter : run.model->decoder().layout().parameters()) {
    const auto size = static_cast<size_t>(parameter.size());
    const bool quantized = size >= 4096 && parameter.name != "model.embed_tokens.weight";
    expected += quantized ? 2 * size + 8 * ((size + 255) / 256) : 8 * size;
    num_quantized += quantized ? 1 : 0;
  }
  size_t found = 0;
  for (const NamedTensor& tensor : run.trainer.state(MMPO_STATE_OPTIMIZER)) found += tensor.values.nbytes();
  EXPECT_EQ(found, expected);
  EXPECT_GT(num_quantized, 4);
}

void expect_refused_step(TrainingRun& run) {
  const Tensor parameters = run.trainer.parameters().clone();
  std::vector<Tensor> state;
  for (const auto& tensor : run.trainer.state(MMPO_STATE_OPTIMIZER)) state.push_back(tensor.values.clone());
  const Tensor weights = run.model->decoder().flat().clone();
  const int64_t num_steps = run.trainer.num_steps();
  try {
    run.trainer.step(1e-3, 1.0);
    ADD_FAILURE() << "a step with a gradient that is not finite";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), MMPO_NON_FINITE) << error.what();
  }
  EXPECT_TRUE(same_bits(run.trainer.parameters(), parameters));
  for (size_t i = 0; i < state.size(); ++i)
    EXPECT_TRUE(same_bits(run.trainer.state(MMPO_STATE_OPTIMIZER)[i].values, state[i]));
  EXPECT_TRUE(same_bits(run.model->decoder().flat(), weights));
  EXPECT_EQ(run.trainer.num_steps(), num_steps);
}

TEST_P(TrainerState, NonFiniteWeightStopsBeforeTheUpdate) {
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    TrainingRun run(GetParam());
    run.steps(0, 1);
    const auto& layout = run.model->decoder().layout();
    const Parameter& norm =
        layout.parameters()[static_cast<size_t>(layout.find("model.layers.1.input_layernorm.weight"))];
    run.model->decoder().flat()[norm.offset + 3] = value;
    accumulate(run.trainer, random_pairs(2, 5), objective(MMPO_LOSS_MMPO, 0.01));
    expect_refused_step(run);
  }
}

TEST_P(TrainerState, OneGradientThatIsNotFiniteStopsBeforeTheUpdate) {
  TrainingRun run(GetParam());
  run.steps(0, 1);
  accumulate(run.trainer, random_pairs(2, 5), objective(MMPO_LOSS_MMPO, 0.01));
  Tensor& gradient = run.trainer.gradients();
  gradient[gradient.size(0) / 2] = -std::numeric_limits<float>::infinity();
  expect_refused_step(run);
}

TEST(TrainerMasters, TrainsInBfloat16WithFloat32MasterWeights) {
  TrainingRun run(at::kBFloat16);
  const auto pairs = random_pairs(4, 7);
  std::vector<double> losses;
  for (int step = 0; step < 20; ++step) {
    double loss = 0;
    for (const double value : accumulate_chosen(run.trainer, pairs, 1.0 / 60).losses) loss += value;
    losses.push_back(loss);
    run.trainer.step(2e-3, 1.0);
  }
  EXPECT_LT(losses.back(), 0.8 * losses.front());
  const Tensor& master = run.trainer.parameters();
  const Tensor& weights = run.model->decoder().flat();
  EXPECT_EQ(master.scalar_type(), at::kFloat);
  EXPECT_EQ(weights.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::equal(master.to(at::kBFloat16), weights));
  // Most master weights lie between two bfloat16 numbers.
  EXPECT_GT((master != weights.to(at::kFloat)).count_nonzero().item<int64_t>(), master.numel() / 2);
}

TEST(TrainerMasters, MastersAreLoadedWithWhatAFileHasBeyondBfloat16) {
  TrainingRun run(at::kBFloat16);
  const ParameterLayout& layout = run.trainer.layout();
  at::manual_seed(5);
  const Tensor wide = at::randn({layout.size()});
  std::vector<mmpo_tensor> tensors;
  for (const Parameter& parameter : layout.parameters()) {
    tensors.push_back({parameter.name.c_str(),
                       wide.const_data_ptr<float>() + parameter.offset,
                       {parameter.rows, parameter.columns},
                       parameter.is_matrix() ? 2 : 1,
                       MMPO_FLOAT32});
  }
  // From memory, and in an order of its own from where only read() knows.
  std::vector<mmpo_tensor> unread(tensors.rbegin(), tensors.rend());
  for (mmpo_tensor& tensor : unread) tensor.data = nullptr;
  const ReadWeights read = [&](size_t index, int64_t offset, int64_t num_bytes, void* out) {
    const void* data = tensors[tensors.size() - 1 - index].data;
    std::memcpy(out, static_cast<const char*>(data) + offset, static_cast<size_t>(num_bytes));
  };
  for (const bool reads : {false, true}) {
    run.trainer.parameters().zero_();
    run.trainer.load(reads ? unread : tensors, reads ? read : nullptr);
    for (const Parameter& parameter : layout.parameters()) {
      const auto part = [&](const Tensor& flat) { return flat.narrow(0, parameter.offset, parameter.size()); };
      EXPECT_TRUE(at::equal(part(run.trainer.parameters()), part(wide))) << parameter.name;
      EXPECT_TRUE(at::equal(part(run.model->decoder().flat()), part(wide).to(at::kBFloat16))) << parameter.name;
    }
  }
  EXPECT_THROW(run.trainer.load(unread), Error);
  tensors.pop_back();
  EXPECT_THROW(run.trainer.load(tensors), Error);
}

// What TRL does with dtype: bfloat16: an update of less than half a unit in the last place is lost.
TEST(TrainerMasters, WithoutMasterWeightsEveryUpdateIsRounded) {
  for (const int32_t optimizer : {MMPO_ADAMW, MMPO_ADAMW_8BIT}) {
    mmpo_optimizer_config config = kOptimizer;
    config.optimizer = optimizer;
    config.no_master_weights = 1;
    TrainingRun run(at::kBFloat16, config, testing::wide_config());
    EXPECT_EQ(run.trainer.parameters().scalar_type(), at::kBFloat16);
    EXPECT_EQ(run.trainer.parameters().data_ptr(), run.model->decoder().flat().data_ptr());
    EXPECT_EQ(run.trainer.gradients().scalar_type(), at::kFloat);
    const Tensor before = run.trainer.parameters().clone();
    accumulate_chosen(run.trainer, random_pairs(4, 7), 1.0 / 60);
    run.trainer.step(1e-7, 1.0);
    const auto moved = [&] { return (run.trainer.parameters() != before).count_nonzero().item<int64_t>(); };
    EXPECT_LT(moved(), before.numel() / 20);
    accumulate_chosen(run.trainer, random_pairs(4, 7), 1.0 / 60);
    run.trainer.step(1e-2, 1.0);
    EXPECT_GT(moved(), before.numel() / 20);
  }
}

TEST(TrainerMasters, ScoringBetweenStepsDoesNotDisturbTraining) {
  TrainingRun straight;
  straight.steps(0, 2);
  TrainingRun interrupted;
  interrupted.steps(0, 1);
  BatchBuilder builder;
  for (const TokenPair& pair : random_pairs(5, 8, 200)) builder.add(pair.prompt, {pair.chosen, pair.rejected});
  testing::token_logps(*interrupted.model, builder.batch());
  interrupted.steps(1, 2);
  expect_same_state(interrupted, straight);
}

}  // namespace
}  // namespace mmpo
