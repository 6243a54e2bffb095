// Micro-batches that go through the model in slices: the losses and the gradient of the whole, in the memory of a part.
#include <gtest/gtest.h>

#include "peak_memory.h"
#include "resident_memory.h"
#include "train/training_run.h"

namespace mmpo {
namespace {

using testing::accumulate;
using testing::accumulate_chosen;
using testing::BatchBuilder;
using testing::gradients;
using testing::kOptimizer;
using testing::objective;
using testing::PeakMemory;
using testing::random_config;
using testing::random_pairs;
using testing::relative_difference;
using testing::same_bits;
using testing::TokenPair;
using testing::Tokens;
using testing::TrainingRun;

class SlicedMicroBatch : public ::testing::TestWithParam<std::pair<int32_t, double>> {};

// Of a loss of pairs, lambda in it.
INSTANTIATE_TEST_SUITE_P(Losses, SlicedMicroBatch,
                         ::testing::Values(std::pair(MMPO_LOSS_MMPO, 1.0), std::pair(MMPO_LOSS_MMPO, 0.4),
                                           std::pair(MMPO_LOSS_DPO, 0.0), std::pair(MMPO_LOSS_SIMPO, 0.0),
                                           std::pair(MMPO_LOSS_AOT, 0.0), std::pair(MMPO_LOSS_AOT_UNPAIRED, 0.0),
                                           std::pair(MMPO_LOSS_CHOSEN_NLL, 0.0)));

// Rewards are normalised, margins sorted and chosen tokens counted over the micro-batch, whose slices are 1, 2 and more pairs here.
TEST_P(SlicedMicroBatch, HasTheLossesAndTheGradientOfTheWhole) {
  const auto pairs = random_pairs(8, 12);
  mmpo_objective settings = objective(GetParam().first, 0.1);
  settings.aux_weight = GetParam().second;
  settings.scale = 1.0 / 8;
  TrainingRun whole;
  const auto expected = accumulate(whole.trainer, pairs, settings);
  for (const int64_t slice_tokens : {1, 100, 200}) {
    SCOPED_TRACE(slice_tokens);
    auto sliced = TrainingRun::sliced(slice_tokens);
    const auto found = accumulate(sliced.trainer, pairs, settings);
    EXPECT_LT(relative_difference(gradients(sliced.trainer), gradients(whole.trainer)), 1e-6);
    ASSERT_EQ(found.losses.size(), pairs.size());
    ASSERT_EQ(found.logps.size(), 2 * pairs.size());
    for (size_t pair = 0; pair < pairs.size(); ++pair) {
      EXPECT_NEAR(found.losses[pair], expected.losses[pair], 1e-4) << pair;
      for (const size_t c : {2 * pair, 2 * pair + 1}) {
        EXPECT_NEAR(found.logps[c], expected.logps[c], 1e-4) << c;
        EXPECT_NEAR(found.rewards[c], expected.rewards[c], 1e-4) << c;
      }
    }
  }
}

// What a slice of AOT asks the others for is scored under the masks that its own gradient is made with: weights from the
// log-probabilities of the second pass give the same gradient.
TEST(Trainer, SlicesOfAotAreScoredUnderTheirOwnDropout) {
  const auto pairs = random_pairs(6, 15);
  BatchBuilder builder;
  std::vector<double> refs;
  for (const TokenPair& pair : pairs) {
    builder.add(pair.prompt, {pair.chosen, pair.rejected});
    refs.insert(refs.end(), {pair.ref_chosen, pair.ref_rejected});
  }
  const mmpo_batch batch = builder.batch();
  const mmpo_objective settings = objective(MMPO_LOSS_AOT, 0.1);
  const Objective objective(settings, batch, refs, std::nullopt);
  const auto run = [&](const Objective& of_batch) {
    const auto model = testing::random_model(random_config(), 21);
    model->set_slice_tokens(60);
    testing::set_adapter(*model, {4, 2.0, 0.25, 11});
    at::manual_seed(8);
    model->decoder().adapter()->flat().copy_(at::randn({model->decoder().adapter()->layout().size()}) * 0.1);
    model->decoder().adapter()->refresh();
    Trainer trainer(*model, kOptimizer);
    const std::vector<double> logps = trainer.accumulate(batch, of_batch).logps;
    return std::pair(logps, gradients(trainer));
  };
  const auto [logps, gradient] = run(objective);
  const CompletionScores scores{.logps = logps, .log_weights = {}};
  const auto [same_logps, same_gradient] = run(objective.with_weights(objective.evaluate(scores).weights));
  EXPECT_EQ(logps, same_logps);
  EXPECT_TRUE(same_bits(gradient, same_gradient));
}

TEST(Trainer, SlicesOfSftHaveTheLossesAndTheGradientOfTheWhole) {
  const auto pairs = random_pairs(8, 14);
  TrainingRun whole;
  const auto expected = accumulate_chosen(whole.trainer, pairs, 1.0 / 8);
  auto sliced = TrainingRun::sliced(60);
  const auto found = accumulate_chosen(sliced.trainer, pairs, 1.0 / 8);
  EXPECT_LT(relative_difference(gradients(sliced.trainer), gradients(whole.trainer)), 1e-6);
  ASSERT_EQ(found.losses.size(), pairs.size());
  for (size_t pair = 0; pair < pairs.size(); ++pair)
    EXPECT_NEAR(found.losses[pair], expected.losses[pair], 1e-4) << pair;
}

TEST(Trainer, ReferenceThatIsNotFiniteIsRefusedBeforeTheFirstSlice) {
  auto pairs = random_pairs(3, 13);
  pairs.back().ref_rejected = std::numeric_limits<double>::quiet_NaN();
  for (const int32_t loss : {MMPO_LOSS_MMPO, MMPO_LOSS_DPO}) {
    auto run = TrainingRun::sliced(1);
    EXPECT_THROW(accumulate(run.trainer, pairs, objective(loss, 0.1)), Error);
    EXPECT_EQ(run.trainer.step(0, 0), 0);
  }
}

// Pairs of the same lengths, so every slice takes the same.
TEST(Trainer, MicroBatchOfMorePairsTakesNoMoreMemory) {
  const auto bytes = [](size_t num_pairs, int64_t slice_tokens) {
    auto run = TrainingRun::sliced(slice_tokens);
    const std::vector<TokenPair> pairs(num_pairs, {Tokens(200, 1), Tokens(400, 2), Tokens(400, 3), -1, -2});
    // What is kept from the first computation on is no slice's: tables, and on a GPU cuBLAS's own memory.
    accumulate(run.trainer, {pairs.data(), 1}, objective(MMPO_LOSS_DPO, 0.1));
    const PeakMemory peak(*run.model);
    accumulate(run.trainer, pairs, objective(MMPO_LOSS_DPO, 0.1));
    return peak.bytes();
  };
  const int64_t of_four = bytes(4, 4000);
  EXPECT_EQ(bytes(16, 4000), of_four);
  EXPECT_GT(bytes(16, 16000), 2 * of_four);
}

TEST(Trainer, MemoryIsBoundedByTheLargestMicroBatch) {
  auto run = TrainingRun::sliced(std::numeric_limits<int64_t>::max());
  const mmpo_objective settings = objective(MMPO_LOSS_DPO, 0.1);
  const auto largest = random_pairs(40, 9, 120);
  const PeakMemory peak(*run.model);
  accumulate(run.trainer, largest, settings);
  const int64_t bytes = peak.bytes();
  EXPECT_GT(bytes, int64_t{16} << 20);
  for (uint64_t i = 0; i < 20; ++i) {
    accumulate(run.trainer, random_pairs(1 + i, 11 + i, 120), settings);
    EXPECT_EQ(peak.bytes(), bytes);
  }
  accumulate(run.trainer, largest, settings);
  EXPECT_EQ(peak.bytes(), bytes);
}

TEST(Trainer, ResidentSetIsFlatOver2000MicroBatches) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer keeps freed memory";
#endif
  TrainingRun run;
  mmpo_objective settings = objective(MMPO_LOSS_DPO, 0.1);
  std::vector<std::vector<TokenPair>> batches;
  // Every length occurs within the first hundred.
  for (uint64_t i = 0; i < 50; ++i) batches.push_back(random_pairs(1 + i % 3, 200 + i, 24));
  int64_t after_100 = 0;
  for (size_t i = 0; i < 2000; ++i) {
    accumulate(run.trainer, batches[i % batches.size()], settings);
    if (i % 8 == 7) run.trainer.step(1e-6, 1.0);
    if (i == 99) after_100 = testing::resident_bytes();
  }
  EXPECT_LE(static_cast<double>(testing::resident_bytes()), 1.02 * static_cast<double>(after_100));
}

}  // namespace
}  // namespace mmpo
